package dsstest

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/internal/scripted"
)

// Behaviour is what a user does with a sign-in.
type Behaviour string

// The behaviours.
const (
	Approves  Behaviour = "approves"
	Denies    Behaviour = "denies"     // at Stack Exchange
	Cancels   Behaviour = "cancels"    // approves at Stack Exchange, but not on DSS's page; or declines the device
	Dawdles   Behaviour = "dawdles"    // approves, after a while
	Twice     Behaviour = "twice"      // approves, and then once more in the same browser
	WalksAway Behaviour = "walks away" // never does anything
	// Conflicts approves, and so does somebody else with the same address: two
	// different answers, in the flows with a key. The fault [Holds] keeps the app
	// from claiming the first.
	Conflicts Behaviour = "conflicts"
	// Forges approves, after another page has called the app's listener with answers
	// that are not the server's; in the flow loopback.
	Forges Behaviour = "forges"
)

// dawdling is how long a user who dawdles takes.
const dawdling = time.Second

// User returns a prompt for [dss.Config] that has a user with a browser behave
// in a way. It returns at once, as a real prompt does; what the user does goes
// on beside the wait.
func (s *Server) User(behaviour Behaviour) func(*dss.SignIn) error {
	return func(signIn *dss.SignIn) error {
		if behaviour != WalksAway {
			s.users.Go(func() {
				if err := s.Do(context.Background(), behaviour, *signIn); err != nil {
					s.t.Error(err)
				}
			})
		}
		return nil
	}
}

// Do has a user behave in a way and returns when that is over.
func (s *Server) Do(ctx context.Context, behaviour Behaviour, signIn dss.SignIn) error {
	s.up.RLock()
	defer s.up.RUnlock()
	defer s.faults.release()
	switch behaviour {
	case Dawdles:
		select {
		case <-time.After(dawdling):
		case <-ctx.Done():
			return ctx.Err()
		}
	case Twice:
		browser := scripted.New()
		if err := visit(browser, signIn.URL, scripted.Approves); err != nil {
			return err
		}
		_ = visit(browser, signIn.URL, scripted.Approves) // there may be nothing left to do
		return nil
	case Conflicts:
		if err := visit(scripted.New(), signIn.URL, scripted.Approves); err != nil {
			return err
		}
	case Forges:
		if err := forge(ctx, signIn.URL); err != nil {
			return err
		}
	case WalksAway:
		return nil
	}
	return visit(scripted.New(), signIn.URL, users[behaviour])
}

var users = map[Behaviour]scripted.User{
	Approves: scripted.Approves, Dawdles: scripted.Approves, Denies: scripted.Denies, Cancels: scripted.Cancels,
	Conflicts: scripted.Approves, Forges: scripted.Approves,
}

// forge calls the listener of a loopback sign-in as other pages in the browser
// could. An error means that it took one of the answers.
func forge(ctx context.Context, address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	redirectURI, state := u.Query().Get("redirect_uri"), u.Query().Get("state")
	for _, target := range []string{
		"?code=forged&iss=" + url.QueryEscape(u.Scheme+"://"+u.Host), "?code=forged&state=forged",
		"?error=access_denied&state=", "?state=" + state, "?code=&state=" + state, "other?code=forged&state=" + state,
		"?code=forged&state=" + state + "&state=" + state, "?code=forged&state=%zz", "//[?code=forged",
	} {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, redirectURI, nil)
		if err != nil {
			return err
		}
		request.URL.Opaque = strings.TrimSuffix(redirectURI, "/") + "/" + target
		response, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			return err
		}
		response.Body.Close()
		if response.StatusCode < http.StatusBadRequest {
			return fmt.Errorf("dsstest: the app takes %s for its answer", target)
		}
	}
	return nil
}

func visit(browser *scripted.Browser, address string, user scripted.User) error {
	if _, err := browser.Visit(address, user); err != nil {
		return fmt.Errorf("dsstest: the user's browser: %w", err)
	}
	return nil
}

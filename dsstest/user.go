package dsstest

import (
	"context"
	"fmt"
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
	case WalksAway:
		return nil
	}
	return visit(scripted.New(), signIn.URL, users[behaviour])
}

var users = map[Behaviour]scripted.User{
	Approves: scripted.Approves, Dawdles: scripted.Approves, Denies: scripted.Denies, Cancels: scripted.Cancels,
}

func visit(browser *scripted.Browser, address string, user scripted.User) error {
	if _, err := browser.Visit(address, user); err != nil {
		return fmt.Errorf("dsstest: the user's browser: %w", err)
	}
	return nil
}

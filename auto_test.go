package dss_test

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/browser"
	"github.com/desktop-stack-serv/dss/internal/scripted"
)

// TestAutoHere: a sign-in in a browser on this machine asks for no device code and
// shows none, however long the user takes.
func TestAutoHere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newAutoWorld(t, desktop, nil)
		end := w.signIn(t.Context())
		s := <-w.shown
		if s.Flow != dss.FlowLoopback || s.Reason != "" || !strings.HasPrefix(s.URL, w.server.url+api.PathAuthorize+"?") {
			t.Errorf("shown %+v", s)
		}
		if !strings.HasPrefix(s.OpenURL, "http://127.0.0.1:") || len(s.OpenURL) < 60 {
			t.Errorf("the browser opens %s", s.OpenURL)
		}
		time.Sleep(19 * time.Second)
		user := scripted.New()
		page, err := user.Open(s.OpenURL)
		if err != nil || !page.Has("approve") {
			t.Fatalf("the browser is at %v: %v", page.URL, err)
		}
		time.Sleep(10 * time.Minute)
		if _, err := user.Press(page, "approve"); err != nil {
			t.Fatal(err)
		}
		w.checkOneToken(end())
		if len(w.shown) != 0 || w.asked[api.PathDeviceAuthorization] != 0 || w.asked[api.PathRevoke] != 0 {
			t.Errorf("asked for %v", w.asked)
		}
	})
}

// TestAutoElsewhere: for each reason a device grant comes beside, at once or after 20 s,
// and either way in ends the sign-in.
func TestAutoElsewhere(t *testing.T) {
	for i, tt := range []struct {
		place  browser.Place
		prompt error
		asked  bool
		want   dss.Reason
	}{
		{browser.Place{SSH: true}, nil, false, dss.ReasonSSH},
		{browser.Place{SSH: true, Display: true}, nil, false, dss.ReasonSSH},
		{browser.Place{Container: true, Display: true}, nil, false, dss.ReasonContainer},
		{browser.Place{WSL: true, Display: true}, nil, false, dss.ReasonWSL},
		{browser.Place{}, nil, false, dss.ReasonNoDisplay},
		{desktop, dss.ErrNoBrowser, false, dss.ReasonNoOpener},
		{desktop, nil, true, dss.ReasonAsked},
		{desktop, nil, false, dss.ReasonSilence},
	} {
		for _, way := range []dss.Flow{dss.FlowLoopback, dss.FlowDevice} {
			t.Run(fmt.Sprint(i, tt.want, way), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newAutoWorld(t, tt.place, func(s *dss.SignIn) error {
						if tt.asked {
							s.Elsewhere(dss.ReasonAsked)
						}
						return tt.prompt
					})
					began := time.Now()
					end := w.signIn(t.Context())
					first, second := <-w.shown, <-w.shown
					want := time.Duration(0)
					if tt.want == dss.ReasonSilence {
						want = 20 * time.Second
					}
					if time.Since(began) != want || second.Flow != dss.FlowDevice || second.Reason != tt.want || len(second.UserCode) != 9 {
						t.Errorf("after %v: %+v", time.Since(began), second)
					}
					chosen := map[dss.Flow]dss.SignIn{dss.FlowLoopback: first, dss.FlowDevice: second}[way]
					w.visit(chosen.URL, scripted.Approves)
					w.checkOneToken(end())
					if page := w.visit(second.URL, nil); page.Status != http.StatusNotFound {
						t.Errorf("the code is shown with status %d", page.Status)
					}
				})
			})
		}
	}
}

// TestAutoEndsTheCodeGrant: when the device wins, the code grant that browsers have begun
// ends at the server, and one that comes back from Stack Exchange later learns so.
func TestAutoEndsTheCodeGrant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newAutoWorld(t, browser.Place{SSH: true}, nil)
		end := w.signIn(t.Context())
		first, second := <-w.shown, <-w.shown
		late := scripted.New()
		page, err := late.Open(first.OpenURL)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the printed address, in two other browsers
			w.visit(first.URL, nil)
		}
		w.visit(second.URL, scripted.Approves)
		w.checkOneToken(end())
		if w.asked[endsCode] != 1 || w.asked[endsDevice] != 0 {
			t.Errorf("asked for %v", w.asked)
		}
		if page, err = late.Press(page, "approve"); err != nil || !strings.HasSuffix(page.URL.Path, "/problem/"+api.UnknownSignIn) {
			t.Errorf("the browser is at %v: %v", page.URL, err)
		}
	})
}

// TestLoopbackGivenUp: so it is when nobody waits for a browser any more, and when the user
// has not come.
func TestLoopbackGivenUp(t *testing.T) {
	for visits := range 2 {
		synctest.Test(t, func(t *testing.T) {
			w := newAutoWorld(t, desktop, nil)
			s, err := w.client.Start(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for range visits {
				w.visit(s.URL, nil)
			}
			if err := s.Close(); err != nil || w.asked[endsCode] != 1 {
				t.Errorf("%v, asked for %v", err, w.asked)
			}
			if entries, _ := w.server.store.Usage(); entries != 0 {
				t.Errorf("%d entries are left", entries)
			}
		})
	}
}

// TestAutoDenied: a no in one of the two ends both.
func TestAutoDenied(t *testing.T) {
	for _, first := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			w := newAutoWorld(t, browser.Place{SSH: true}, nil)
			end := w.signIn(t.Context())
			s := <-w.shown
			if second := <-w.shown; !first {
				s = second
			}
			w.visit(s.URL, scripted.Denies)
			if token, err := end(); token != nil || !errors.Is(err, dss.ErrAccessDenied) {
				t.Errorf("%v, %v", token, err)
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			want := map[bool]string{true: endsDevice, false: endsCode}[first]
			if w.asked[want] != 1 || w.asked[api.PathRevoke] != 1 {
				t.Errorf("asked for %v: that which the user has not denied is ended, and no other", w.asked)
			}
			if entries, _ := w.server.store.Usage(); entries != 1 {
				t.Errorf("%d entries are left", entries)
			}
		})
	}
}

// TestAutoAlone: without a device grant, the loopback flow goes on. An end without a sign-in
// says why there was none.
func TestAutoAlone(t *testing.T) {
	for _, approves := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			w := newAutoWorld(t, browser.Place{SSH: true}, nil)
			defer func() {
				if len(w.failed) != 1 || w.failed[0] != "dss: no devices (400 unauthorized_client)" || len(w.shown) != 0 {
					t.Errorf("told %q", w.failed)
				}
			}()
			handler, _ := routes.handlers.Load(strings.TrimPrefix(w.server.url, "https://"))
			routes.handlers.Store(strings.TrimPrefix(w.server.url, "https://"), http.HandlerFunc(func(o http.ResponseWriter, r *http.Request) {
				if r.URL.Path == api.PathDeviceAuthorization {
					o.WriteHeader(http.StatusBadRequest)
					_, _ = io.WriteString(o, `{"error":"unauthorized_client","error_description":"no devices"}`)
					return
				}
				handler.(http.Handler).ServeHTTP(o, r)
			}))
			end := w.signIn(t.Context())
			s := <-w.shown
			if approves {
				w.visit(s.URL, scripted.Approves)
				w.checkOneToken(end())
				return
			}
			token, err := end()
			if refused, ok := errors.AsType[*dss.Error](err); token != nil || !ok || refused.Name != api.UnauthorizedClient {
				t.Errorf("%v, %v", token, err)
			}
		})
	}
}

// TestAutoWithoutPrompt: in steps and without a prompt, nobody would see a device grant.
func TestAutoWithoutPrompt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newAutoWorld(t, browser.Place{SSH: true}, nil)
		client := w.server.client(t, dss.Config{HTTPClient: &http.Client{Transport: w}})
		client.SetPlace(browser.Place{SSH: true})
		client.SetListen(newPipes().listen)
		s, err := client.Start(t.Context())
		if err != nil || s.Reason != dss.ReasonSSH {
			t.Fatalf("%+v, %v", s, err)
		}
		s.Elsewhere(dss.ReasonAsked)
		if _, err := s.Wait(t.Context()); !errors.Is(err, dss.ErrExpired) || w.asked[api.PathDeviceAuthorization] != 0 {
			t.Errorf("%v, asked for %v", err, w.asked)
		}
	})
}

var races = flag.Int("races", 100, "how often TestAutoRace has both flows end at the same time")

// TestAutoRace has the browser come back at the moment of the device's poll. Then there is
// one token, the other that may have been issued does not work, and nothing is left at the
// server of the flow that has lost.
func TestAutoRace(t *testing.T) {
	wins := map[int]int{}
	for range *races {
		synctest.Test(t, func(t *testing.T) {
			w := newAutoWorld(t, browser.Place{SSH: true}, nil)
			end := w.signIn(t.Context())
			first, second := <-w.shown, <-w.shown
			user := scripted.New()
			page, err := user.Open(first.OpenURL)
			if err != nil {
				t.Fatal(err)
			}
			w.visit(second.URL, scripted.Approves)
			time.Sleep(5 * time.Second) // as the device does
			if _, err := user.Press(page, "approve"); err != nil {
				t.Error(err)
			}
			w.checkOneToken(end())
			wins[len(w.tokens)]++
		})
	}
	t.Logf("tokens that were issued: how often: %v", wins)
}

// TestEntrance takes its own address only.
func TestEntrance(t *testing.T) {
	client := newClient(t, dss.Config{Server: issuer, ClientID: clientID, HTTPClient: from(granted)})
	s, err := client.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	get := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	for address, want := range map[string]int{
		s.OpenURL: http.StatusSeeOther, s.OpenURL + "x": http.StatusNotFound, s.OpenURL[:len(s.OpenURL)-1]: http.StatusNotFound,
		s.OpenURL + "?a=b": http.StatusNotFound, strings.Replace(s.OpenURL, "127.0.0.1", "localhost", 1): http.StatusNotFound,
	} {
		answer, err := get.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		location := answer.Header.Get("Location")
		if answer.StatusCode != want || (location == s.URL) != (want == http.StatusSeeOther) {
			t.Errorf("%s: %d to %q", address, answer.StatusCode, location)
		}
		if want == http.StatusSeeOther && (answer.Header.Get("Cache-Control") != "no-store" || answer.Header.Get("Referrer-Policy") != "no-referrer") {
			t.Errorf("headers %v", answer.Header)
		}
	}
}

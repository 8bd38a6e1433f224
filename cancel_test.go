package dss_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/browser"
	"github.com/desktop-stack-serv/dss/internal/scripted"
)

// TestCancelled gives up at each stage: whatever was on its way is ended. What is left at
// the server are the sign-ins that have led to a token, for the page in the browser, and the
// device grant whose code has not come.
func TestCancelled(t *testing.T) {
	visited := map[string]dss.Flow{"code": dss.FlowLoopback, "poll": dss.FlowDevice}
	left := map[string]map[bool]int64{"code": {false: 1}, "poll": {false: 1}, "device": {true: 2}}
	for name, stage := range map[string]string{
		"start": api.PathMetadata, "device": api.PathDeviceAuthorization, "code": "/sandbox/oauth/access_token/json",
		"poll": api.PathOAuthToken, "waiting": "waiting",
	} {
		for _, broken := range []bool{false, true} {
			t.Run(fmt.Sprint(name, broken), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithCancelCause(t.Context())
					defer cancel(nil)
					w := newAutoWorld(t, browser.Place{SSH: true}, nil)
					host := strings.TrimPrefix(w.server.url, "https://")
					handler, _ := routes.handlers.Load(host)
					routes.handlers.Store(host, http.HandlerFunc(func(o http.ResponseWriter, r *http.Request) {
						if r.URL.Path == stage {
							cancel(errGaveUp)
							time.Sleep(time.Second) // the answer takes that long
						}
						recorder := httptest.NewRecorder()
						handler.(http.Handler).ServeHTTP(recorder, r)
						if broken && r.URL.Path == stage {
							recorder.Code = http.StatusServiceUnavailable
						}
						maps.Copy(o.Header(), recorder.Header())
						o.WriteHeader(recorder.Code)
						_, _ = o.Write(recorder.Body.Bytes())
					}))
					end := w.signIn(ctx)
					go func() {
						for s := range w.shown {
							if s.Flow == visited[name] {
								scripted.New().Visit(s.URL, scripted.Approves)
							} else if stage == "waiting" && s.Flow == dss.FlowDevice {
								cancel(errGaveUp)
							}
						}
					}()
					token, err := end()
					close(w.shown)
					if token != nil || !errors.Is(err, errGaveUp) {
						t.Errorf("%v, %v", token, err)
					}
					if !broken {
						w.checkTokens("")
					}
					if entries, _ := w.server.store.Usage(); entries != left[name][broken] {
						t.Errorf("%d entries are left", entries)
					}
				})
			})
		}
	}
}

// TestOutOfTime: a token that comes just after the caller's time is returned.
func TestOutOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 17*time.Second)
		defer cancel()
		f := &fake{replies: []reply{pending, pending, held(3*time.Second, granted)}, device: someDevice, started: time.Now()}
		token, err := f.client(t, dss.FlowDevice).SignIn(ctx)
		if err != nil || token.AccessToken.Reveal() != "T" || time.Since(f.started) != 18*time.Second {
			t.Errorf("%v, %v after %v", token, err, time.Since(f.started))
		}
	})
}

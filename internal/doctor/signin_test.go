package doctor_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/internal/doctor"
	"github.com/desktop-stack-serv/dss/internal/registration"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// httptestPage serves a page everywhere, and returns its address.
func httptestPage(t *testing.T, text string) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func sighting(t *testing.T, name registration.Sight) registration.Sighting {
	t.Helper()
	i := slices.IndexFunc(registration.Sightings, func(s registration.Sighting) bool { return s.Sight == name })
	if i < 0 {
		t.Fatalf("there is no sight %s", name)
	}
	return registration.Sightings[i]
}

// TestExplain: each end of a sign-in has a step, and what it means.
func TestExplain(t *testing.T) {
	refused := func(name, message string) error { return &dss.Error{Status: 400, Name: name, Message: message} }
	for name, tt := range map[string]struct {
		err   error
		seen  registration.Sight
		scope string
		step  string // its beginning
		kind  error
		want  []string // status and cause
	}{
		"right":                {nil, "", "read_inbox", "ok | signed in", nil, []string{"ok right"}},
		"right, writes":        {nil, "", "write_access", "ok | signed in", nil, []string{"ok right", "warning post_untested"}},
		"right, after a sight": {nil, "redirect_uri", "", "ok | signed in", nil, []string{"ok right"}},
		"no Implicit":          {nil, "dialog", "", "problem | “Application", nil, []string{"problem implicit"}},
		"non-web off":          {nil, "login_success", "", "problem | “Application", nil, []string{"problem non_web"}},
		"no post":              {nil, "no_write", "write_access", "problem | An error when my app posts", nil, []string{"problem post"}},
		"no post or scope":     {nil, "no_write", "", "problem | An error when", nil, []string{"possible post", "possible scope_missing"}},
		"key expired":          {nil, "key", "", "problem | An error when my app sends its API key", nil, []string{"problem key"}},
		"confidential": {
			refused("invalid_grant", "Stack Exchange did not accept the user's approval; start again (client_secret not provided)"), "", "",
			"problem | the browser came back with a code, and there was no token for it: Stack Exchange", nil, []string{"problem secret"},
		},
		"code, for whatever": {
			refused("invalid_grant", "Stack Exchange did not accept the user's approval; start again"), "", "",
			"problem | the browser came back with a code", nil, []string{"possible secret", "possible late"},
		},
		"denied": {dss.ErrAccessDenied, "", "", "problem | the browser came back with the error access_denied | ", dss.ErrAccessDenied, []string{"problem denied"}},
		"scope":  {refused("invalid_scope", ""), "", "x", "problem | the browser came back with the error invalid_scope | ", nil, []string{"problem scope"}},
		"flow": {
			refused("unauthorized_client", "not PKCE"), "", "", "problem | the browser came back with the error unauthorized_client: not PKCE | ",
			nil, []string{"problem pkce"},
		},
		"silence": {
			fmt.Errorf("x: %w", dss.ErrExpired), "", "", "problem | the browser did not come back in time; if somebody opened the address, one of", dss.ErrExpired,
			[]string{"possible domain", "possible pkce", "possible application", "possible login", "possible unreachable"},
		},
		"domain":        {dss.ErrExpired, "redirect_uri", "", "problem | Stack Exchange did not send the browser back | ", nil, []string{"problem domain"}},
		"guest":         {dss.ErrExpired, "login", "", "problem |", nil, []string{"problem login"}},
		"other browser": {dss.ErrExpired, "other_browser", "", "problem |", nil, []string{"problem other_browser"}},
		"some failure": {
			dss.ErrExpired, "failure", "", "problem | Stack Exchange did not send the browser back; one of these is the cause", nil,
			[]string{"possible domain", "possible pkce", "possible application"},
		},
		"another failure": {dss.ErrExpired, "other", "", "problem |", nil, []string{"possible pkce", "possible application"}},
		"server away":     {dss.ErrUnreachable, "", "", "problem | the sign-in broke off (dss: the server cannot be reached)", dss.ErrUnreachable, []string{"problem outage"}},
		"answer lost":     {dss.ErrAnswerLost, "", "", "problem | the sign-in broke off", nil, []string{"problem outage"}},
	} {
		trial := doctor.Trial{Err: tt.err, Asked: tt.scope, Domain: "auth.example.org"}
		if tt.seen != "" {
			trial.Seen = sighting(t, tt.seen)
		}
		found := doctor.Explain(trial)
		var got []string
		for _, f := range found[1:] {
			got = append(got, string(f.Status)+" "+string(f.Cause))
			if f.Detail == "" || (f.Change == "") != (f.Status == doctor.OK) || f.Err != nil {
				t.Errorf("%s: %+v", name, f)
			}
		}
		if !strings.HasPrefix(line(found[0]), tt.step) || !errors.Is(found[0].Err, tt.kind) || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %s (%v) %q", name, line(found[0]), found[0].Err, got)
		}
	}
}

// TestEnd: the token goes to the API as Bearer and in the path, in no query and in
// no finding. It is called revoked only where the API knew it.
func TestEnd(t *testing.T) {
	const canary = "canaryTOKEN(x*2))"
	known := `{"items":[{"account_id":7,"scope":["read_inbox"],"display_name":"Ann\u001b[2J"}]}`
	for name, tt := range map[string]struct {
		inspected, invalidated int // statuses of the API
		items                  string
		want                   string
	}{
		"revoked":               {200, 200, known, "ok | signed in as Ann[2J, scopes: read_inbox; the token has been revoked | "},
		"unknown to the API":    {200, 200, `{"items":[]}`, "problem | signed in, but the API does not know the token, and so cannot revoke it | Set --stackexchange-api-url"},
		"not revoked":           {200, 503, known, "problem | signed in, but the token could not be revoked (dss: the server cannot be reached"},
		"revoked, not examined": {503, 200, known, "ok | signed in; the token has been revoked | "},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []string
			api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = append(asked, r.URL.Path)
				if r.Header.Get("Authorization") != "Bearer "+canary || strings.Contains(r.URL.RawQuery, "canary") {
					t.Errorf("%s with %q", r.URL, r.Header)
				}
				status := tt.inspected
				if strings.HasSuffix(r.URL.Path, "/invalidate") {
					status = tt.invalidated
				}
				w.WriteHeader(status)
				_, _ = io.WriteString(w, tt.items)
			}))
			defer api.Close()
			client, err := dss.New(dss.Config{Server: "https://auth.example.org", ClientID: "7", API: api.URL + "/2.3"})
			if err != nil {
				t.Fatal(err)
			}
			var trial doctor.Trial
			trial.End(t.Context(), client, secret.New(canary))
			got := line(doctor.Explain(trial)[0])
			if !strings.HasPrefix(got, tt.want) || strings.Contains(got, "canary") {
				t.Error(got)
			}
			if last := asked[len(asked)-1]; last != "/2.3/access-tokens/"+canary+"/invalidate" {
				t.Errorf("the API was asked for %q", asked)
			}
		})
	}
}

// TestNotStarted: the server's words say what to correct, and decide the status.
func TestNotStarted(t *testing.T) {
	for err, kind := range map[error]error{
		&dss.Error{Status: 400, Name: "invalid_scope", Message: "scope must be names"}: nil,
		fmt.Errorf("%w: x", dss.ErrUnreachable):                                        dss.ErrUnreachable,
	} {
		f := doctor.NotStarted(err)
		if f.Status != doctor.Problem || !strings.Contains(f.Detail, err.Error()) || f.Change == "" || !errors.Is(f.Err, kind) {
			t.Errorf("%+v", f)
		}
	}
}

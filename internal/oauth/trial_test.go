package oauth_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/oauth"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
)

// upstream gives a token for every code, and ends every token.
type upstream struct {
	token, ended func() *http.Response // instead
	takes        time.Duration

	mu                     sync.Mutex
	redemptions, revokings []string // codes with their verifiers, and tokens
}

const (
	trialToken = "tokenOfATrial))"
	tokenJSON  = `{"access_token":"` + trialToken + `","expires":86400}`
)

func (u *upstream) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case <-time.After(u.takes):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if r.Method == http.MethodGet {
		u.revokings = append(u.revokings, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		if u.ended != nil {
			return u.ended(), nil
		}
		return respond(http.StatusOK, `{"items":[{"access_token":"T"}]}`), nil
	}
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body))
	u.redemptions = append(u.redemptions, form.Get("code")+" "+form.Get("code_verifier"))
	if u.token != nil {
		return u.token(), nil
	}
	return respond(http.StatusOK, tokenJSON), nil
}

// trials is a service for trials.
func trials(store sealed.Store, u *upstream, configure ...func(*stackexchange.Config)) *oauth.Service {
	config := stackexchange.Config{BaseURL: &url.URL{Scheme: "https", Host: "se.example"}, Transport: u}
	for _, f := range configure {
		f(&config)
	}
	return oauth.New(sealed.NewVault(store), stackexchange.New(config), oauth.Config{
		Issuer: "https://dss.example", CallbackURL: "https://dss.example/oauth/callback",
	})
}

func startTrial(t *testing.T, s *oauth.Service) (address, state string) {
	t.Helper()
	address, err := s.StartTrial(t.Context(), oauth.TrialRequest{
		ClientID: "7", Scope: "read_inbox no_expiry", Note: "note",
	}, browser)
	if err != nil {
		t.Fatal(err)
	}
	return address, stateIn(t, address)
}

// TestTrials: whatever Stack Exchange answers, the author learns of it, and a
// token is ended.
func TestTrials(t *testing.T) {
	says := func(status int, body string) func() *http.Response {
		return func() *http.Response { return respond(status, body) }
	}
	for name, tt := range map[string]struct {
		answer       oauth.Answer
		token, ended func() *http.Response
		want         oauth.TrialResult
		said         string
	}{
		"a token": {answer: oauth.Answer{Code: "the-code"}, want: oauth.TrialDone, said: "|"},
		"a token that is not known when it is ended": {
			answer: oauth.Answer{Code: "the-code"}, ended: says(200, `{"items":[]}`), want: oauth.TrialUnrevoked, said: "|",
		},
		"a token that cannot be ended": {
			answer: oauth.Answer{Code: "the-code"}, ended: says(503, ""), want: oauth.TrialUnrevoked, said: "|",
		},
		"a token that cannot be in a request": {
			answer: oauth.Answer{Code: "the-code"}, token: says(200, `{"access_token":"a/../b"}`), want: oauth.TrialUnrevoked, said: "|",
		},
		"a nested error": {
			answer: oauth.Answer{Code: "the-code"}, token: says(400, `{"error":{"type":"invalid_request","message":"client_secret not provided"}}`),
			want: oauth.TrialNotTaken, said: "invalid_request|client_secret not provided",
		},
		"an error that quotes the code": {
			answer: oauth.Answer{Code: "canary"}, token: says(400, `{"error":{"type":"2","message":"no canary"}}`),
			want: oauth.TrialNotTaken, said: "invalid_request|no [redacted]",
		},
		"garbage":   {answer: oauth.Answer{Code: "the-code"}, token: says(200, "<html>"), want: oauth.TrialUnanswered, said: "|"},
		"an outage": {answer: oauth.Answer{Code: "the-code"}, token: says(502, ""), want: oauth.TrialUnanswered, said: "|"},
		"denied": {
			answer: oauth.Answer{Error: "access_denied", Description: "The user\u202e\n denied."},
			want:   oauth.TrialRefused, said: "access_denied|The user denied.",
		},
		"a long error": {
			answer: oauth.Answer{Error: strings.Repeat("e", 300), Description: strings.Repeat("ü", 300)},
			want:   oauth.TrialRefused, said: strings.Repeat("e", 200) + "|" + strings.Repeat("ü", 100),
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := trials(memory.New(store.Limits{}), &upstream{token: tt.token, ended: tt.ended})
			_, state := startTrial(t, s)
			outcome, err := s.Callback(t.Context(), state, tt.answer, browser)
			if err != nil || outcome.Trial == "" || outcome.Redirect != "" {
				t.Fatalf("callback: %+v, %v", outcome, err)
			}
			trial, err := s.FindTrial(t.Context(), outcome.Trial, browser)
			if err != nil || trial.Result != tt.want || trial.Error+"|"+trial.Message != tt.said {
				t.Errorf("%+v, %v", trial, err)
			}
			if trial.ClientID != "7" || trial.Scope != "read_inbox" || trial.Note != "note" {
				t.Errorf("asked for %+v", trial.TrialRequest)
			}
		})
	}
}

// TestTrialAsks for what the app would, except for a token without expiry.
func TestTrialAsks(t *testing.T) {
	address, _ := startTrial(t, trials(memory.New(store.Limits{}), &upstream{}))
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if u.Host != "se.example" || u.Path != "/oauth" || q.Get("client_id") != "7" || q.Get("scope") != "read_inbox" ||
		q.Get("redirect_uri") != "https://dss.example/oauth/callback" || len(q.Get("code_challenge")) != 43 {
		t.Errorf("the browser goes to %s", address)
	}
	s := trials(memory.New(store.Limits{}), &upstream{})
	for _, id := range []string{"", " 7", "7a", "rl_key", "-1", "1234567890123456789", "７"} {
		if _, err := s.StartTrial(t.Context(), oauth.TrialRequest{ClientID: id}, browser); !errors.Is(err, oauth.ErrInvalidClient) {
			t.Errorf("client id %q: %v", id, err)
		}
	}
}

// TestTrialIsRedeemedOnce, however often the browser comes back and with whatever,
// and an error does not end it.
func TestTrialIsRedeemedOnce(t *testing.T) {
	u := &upstream{}
	s := trials(memory.New(store.Limits{}), u)
	_, state := startTrial(t, s)
	if _, err := s.Callback(t.Context(), state, oauth.Answer{Error: "access_denied"}, browser); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 32 {
		group.Go(func() {
			if outcome, err := s.Callback(t.Context(), state, oauth.Answer{Code: "the-code"}, browser); err != nil || outcome.Trial == "" {
				t.Errorf("%+v, %v", outcome, err)
			}
		})
	}
	group.Wait()
	for _, answer := range []oauth.Answer{{Code: "another"}, {Error: "access_denied"}} {
		outcome, err := s.Callback(t.Context(), state, answer, browser)
		if err != nil {
			t.Fatal(err)
		}
		if trial, err := s.FindTrial(t.Context(), outcome.Trial, browser); err != nil || trial.Result != oauth.TrialDone || trial.Error != "" {
			t.Errorf("after %+v: %+v, %v", answer, trial, err)
		}
	}
	if len(u.redemptions) != 1 || len(u.revokings) != 1 || u.revokings[0] != trialToken {
		t.Errorf("redeemed %q, ended %q", u.redemptions, u.revokings)
	}
}

// TestTrialOfAnotherBrowser: only the browser that started a trial can finish it and
// see its result.
func TestTrialOfAnotherBrowser(t *testing.T) {
	u := &upstream{}
	s := trials(memory.New(store.Limits{}), u)
	_, state := startTrial(t, s)
	if _, err := s.Callback(t.Context(), state, oauth.Answer{Code: "the-code"}, nobody); !errors.Is(err, oauth.ErrWrongBrowser) {
		t.Errorf("without a secret: %v", err)
	}
	if _, err := s.Callback(t.Context(), state, oauth.Answer{Code: "the-code"}, otherBrowser); !errors.Is(err, oauth.ErrUnknown) {
		t.Errorf("with another secret: %v", err)
	}
	outcome, err := s.Callback(t.Context(), state, oauth.Answer{Error: "access_denied"}, browser)
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []oauth.Browser{nobody, otherBrowser} {
		if _, err := s.FindTrial(t.Context(), outcome.Trial, other); !errors.Is(err, oauth.ErrUnknown) {
			t.Errorf("another browser sees the trial: %v", err)
		}
	}
	if len(u.redemptions) > 0 {
		t.Errorf("redeemed %q", u.redemptions)
	}
}

// TestTrialLeavesNothing looks at every byte that was stored, and finds neither
// code, verifier nor token, also where the token could not be ended.
func TestTrialLeavesNothing(t *testing.T) {
	recorded := &recordingStore{Store: memory.New(store.Limits{})}
	u := &upstream{ended: func() *http.Response { return respond(http.StatusServiceUnavailable, "") }}
	s := trials(recorded, u)
	_, state := startTrial(t, s)
	if _, err := s.Callback(t.Context(), state, oauth.Answer{Code: "canary-code"}, browser); err != nil {
		t.Fatal(err)
	}
	code, verifier, _ := strings.Cut(u.redemptions[0], " ")
	if code != "canary-code" || len(verifier) != 43 || len(recorded.values) != 3 {
		t.Errorf("redeemed %q, and %d values stored", u.redemptions, len(recorded.values))
	}
	for _, value := range recorded.values {
		for _, secret := range []string{code, verifier, trialToken, state, "read_inbox"} {
			if strings.Contains(string(value), secret) {
				t.Errorf("%q is stored in clear", secret)
			}
		}
		if len(value) != len(recorded.values[0]) {
			t.Errorf("%d bytes are stored, before %d", len(value), len(recorded.values[0]))
		}
	}
}

var errLimit = errors.New("limit reached")

// TestTrialBeyondALimit: nothing was sent, so the browser can come back once more.
func TestTrialBeyondALimit(t *testing.T) {
	refuse := true
	s := trials(memory.New(store.Limits{}), &upstream{}, func(c *stackexchange.Config) {
		c.Allow = func(context.Context, stackexchange.Method) error {
			if refuse {
				return errLimit
			}
			return nil
		}
	})
	_, state := startTrial(t, s)
	if _, err := s.Callback(t.Context(), state, oauth.Answer{Code: "the-code"}, browser); !errors.Is(err, errLimit) {
		t.Fatalf("beyond the limit: %v", err)
	}
	refuse = false
	outcome, err := s.Callback(t.Context(), state, oauth.Answer{Code: "the-code"}, browser)
	if err != nil {
		t.Fatal(err)
	}
	if trial, err := s.FindTrial(t.Context(), outcome.Trial, browser); err != nil || trial.Result != oauth.TrialDone {
		t.Errorf("%+v, %v", trial, err)
	}
}

// losing is a store that fails to replace for the second time.
type losing struct {
	*memory.Store
	replaced int
}

var errLost = errors.New("connection lost")

func (s *losing) Replace(ctx context.Context, id sealed.ID, old, next []byte, ttl time.Duration) (bool, error) {
	if s.replaced++; s.replaced == 2 {
		return false, errLost
	}
	return s.Store.Replace(ctx, id, old, next, ttl)
}

// TestTrialLeftBehind: a process ended before it could store how a trial went. It
// is under way for half a minute, is not redeemed again, and then has no answer.
func TestTrialLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{}
		s := trials(&losing{Store: memory.New(store.Limits{})}, u)
		_, state := startTrial(t, s)
		if _, err := s.Callback(t.Context(), state, oauth.Answer{Code: "the-code"}, browser); !errors.Is(err, errLost) {
			t.Fatalf("callback: %v", err)
		}
		for _, want := range []oauth.TrialResult{oauth.TrialRedeeming, oauth.TrialUnanswered} {
			outcome, err := s.Callback(t.Context(), state, oauth.Answer{Code: "the-code"}, browser)
			if err != nil {
				t.Fatal(err)
			}
			if trial, err := s.FindTrial(t.Context(), outcome.Trial, browser); err != nil || trial.Result != want {
				t.Errorf("%+v, %v, want %v", trial, err, want)
			}
			time.Sleep(30 * time.Second)
		}
		if len(u.redemptions) != 1 || len(u.revokings) != 1 {
			t.Errorf("redeemed %q, ended %q", u.redemptions, u.revokings)
		}
	})
}

// TestTrialTakesNoLongerThanAnAnswer, however slow Stack Exchange is.
func TestTrialTakesNoLongerThanAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := trials(memory.New(store.Limits{}), &upstream{takes: 9 * time.Second})
		_, state := startTrial(t, s)
		began := time.Now()
		outcome, err := s.Callback(t.Context(), state, oauth.Answer{Code: "the-code"}, browser)
		if err != nil {
			t.Fatal(err)
		}
		trial, err := s.FindTrial(t.Context(), outcome.Trial, browser)
		if took := time.Since(began); err != nil || trial.Result != oauth.TrialUnrevoked || took >= api.AnswerTime {
			t.Errorf("after %v: %+v, %v", took, trial, err)
		}
	})
}

// TestTrialExpires with its record.
func TestTrialExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := trials(memory.New(store.Limits{}), &upstream{})
		_, state := startTrial(t, s)
		time.Sleep(15*time.Minute - time.Second)
		outcome, err := s.Callback(t.Context(), state, oauth.Answer{Code: "the-code"}, browser)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []error{nil, oauth.ErrUnknown} {
			if _, err := s.FindTrial(t.Context(), outcome.Trial, browser); !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
			time.Sleep(time.Minute)
		}
		if _, err := s.Callback(t.Context(), state, oauth.Answer{Code: "the-code"}, browser); !errors.Is(err, oauth.ErrUnknown) {
			t.Errorf("callback: %v", err)
		}
	})
}

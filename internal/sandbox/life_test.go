package sandbox_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sandbox"
)

func TestCodeLivesAMinute(t *testing.T) {
	for _, test := range []struct {
		age    time.Duration
		status int
	}{
		{59 * time.Second, http.StatusOK},
		{60 * time.Second, http.StatusBadRequest},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := sandbox.New(sandbox.Config{})
			code := issueCode(t, s)
			time.Sleep(test.age)
			if w := redeem(s, redemption(code)); w.Code != test.status {
				t.Errorf("after %v: status %d, want %d: %s", test.age, w.Code, test.status, w.Body)
			}
		})
	}
}

func TestTokenLivesADayUnlessItNeverExpires(t *testing.T) {
	for _, test := range []struct {
		scope  string
		age    time.Duration
		status int
	}{
		{"read_inbox", 24*time.Hour - time.Second, http.StatusOK},
		{"read_inbox", 24 * time.Hour, http.StatusBadRequest},
		{"read_inbox,no_expiry", 1000 * time.Hour, http.StatusOK},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := sandbox.New(sandbox.Config{})
			token := implicitToken(t, s, "scope", test.scope)
			time.Sleep(test.age)
			if status, answer := callAPI(t, s, "/me?site=stackoverflow", bearer(token)); status != test.status {
				t.Errorf("scope %s after %v: status %d, want %d: %+v", test.scope, test.age, status, test.status, answer)
			}
		})
	}
}

func TestOneCodeGivesOneToken(t *testing.T) {
	s := sandbox.New(sandbox.Config{})
	code := issueCode(t, s)
	statuses := make([]int, 16)
	var all sync.WaitGroup
	for i := range statuses {
		all.Go(func() { statuses[i] = redeem(s, redemption(code)).Code })
	}
	all.Wait()
	good := 0
	for _, status := range statuses {
		if status == http.StatusOK {
			good++
		}
	}
	if good != 1 {
		t.Errorf("%d redemptions of one code got a token, want 1: %v", good, statuses)
	}
}

func TestFullSandboxSaysSoAndKeepsWhatItHas(t *testing.T) {
	s := sandbox.New(sandbox.Config{})
	s.SetMaxTokens(2)
	code := issueCode(t, s)
	first, second := implicitToken(t, s), implicitToken(t, s)

	page := ask(s, "GET", "/sandbox/oauth/dialog?"+query("sandbox_decision", "approve"), "")
	if page.Code != http.StatusServiceUnavailable || !strings.Contains(page.Body.String(), "full") {
		t.Errorf("a third token: status %d, want 503: %s", page.Code, page.Body)
	}
	if w := redeem(s, redemption(code)); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "temporarily_unavailable") {
		t.Errorf("a code's token: status %d, want 503: %s", w.Code, w.Body)
	}

	callAPI(t, s, "/access-tokens/"+first+"/invalidate")
	if w := redeem(s, redemption(code)); w.Code != http.StatusOK {
		t.Errorf("the code was lost while the sandbox was full: status %d: %s", w.Code, w.Body)
	}
	if status, _ := callAPI(t, s, "/me?site=stackoverflow", bearer(second)); status != http.StatusOK {
		t.Errorf("the second token was lost: status %d", status)
	}
}

func TestOldTokensMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sandbox.New(sandbox.Config{})
		s.SetMaxTokens(1)
		implicitToken(t, s, "scope", "no_expiry")
		time.Sleep(24 * time.Hour)
		if implicitToken(t, s) == "" {
			t.Error("a token of a day ago stands in the way of a new one")
		}
	})
}

package httpapi

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/limit"
	"github.com/desktop-stack-serv/dss/internal/oauth"
	"github.com/desktop-stack-serv/dss/internal/relay"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

func TestProblemOf(t *testing.T) {
	store := fmt.Errorf("%w: take entry: %w", sealed.ErrUnavailable, errors.New("disk I/O error"))
	left := fmt.Errorf("%w: take entry: %w", sealed.ErrUnavailable, context.Canceled)
	for _, test := range []struct {
		err         error
		name, fault string
	}{
		{errors.New("seal entry: unforeseen"), api.InternalError, "request failed"},
		{context.DeadlineExceeded, api.InternalError, "request failed"},
		{store, api.TemporarilyUnavailable, "store failed"},
		{left, api.TemporarilyUnavailable, ""},
		{sealed.ErrFull, api.TemporarilyUnavailable, ""},
		{sealed.ErrContended, api.TemporarilyUnavailable, ""},
		{relay.ErrStopped, api.TemporarilyUnavailable, ""},
		{fmt.Errorf("%w: too short", relay.ErrInvalidKey), api.InvalidKey, ""},
		{errors.Join(fmt.Errorf("%w: %w", oauth.ErrUnavailable, stackexchange.ErrUnavailable), store), api.TemporarilyUnavailable, ""},
		{fmt.Errorf("admit: %w", &limit.Exceeded{Name: limit.Requests, RetryAfter: time.Second}), api.ThrottleViolation, ""},
		{&oauth.CodeError{Reason: "used_code"}, api.InvalidGrant, ""},
		{&problem{name: api.InternalError}, api.InternalError, ""},
	} {
		p := problemOf(test.err)
		if p.name != test.name || p.fault != test.fault || p.message() == "" || p.status() == 0 {
			t.Errorf("%v: %s %q %d, logged as %q", test.err, p.name, p.message(), p.status(), p.fault)
		}
		if strings.Contains(p.message(), "disk") || strings.Contains(p.message(), "unforeseen") {
			t.Errorf("the client reads %q", p.message())
		}
	}
}

// TestReasonOfARefusal reaches the author of the app, in the characters of RFC 6749
// section 5.2.
func TestReasonOfARefusal(t *testing.T) {
	code := &oauth.CodeError{Reason: "refused_code"}
	for said, want := range map[string]string{
		"":                                "",
		"client_secret not provided":      " (client_secret not provided)",
		`the code "x\y" has expired, (1)`: " (the code 'x/y' has expired, (1))",
	} {
		err := fmt.Errorf("%w: %w", code, &stackexchange.RefusedError{Status: 400, Type: "invalid_request", Message: said})
		if p := problemOf(err); p.name != api.InvalidGrant || p.detail != want {
			t.Errorf("%q: %s %q, want %q", said, p.name, p.detail, want)
		}
	}
}

// TestEverySentinelHasAName reads the sources of the domain.
func TestEverySentinelHasAName(t *testing.T) {
	table, err := os.ReadFile("problem.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	sentinel := regexp.MustCompile(`(?m)^(?:var|\t)\s*(Err[A-Z]\w*)\s+= errors\.New`)
	for _, domain := range []string{"relay", "oauth"} {
		files, _ := filepath.Glob("../" + domain + "/*.go")
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range sentinel.FindAllSubmatch(source, -1) {
				found++
				name := domain + "." + string(match[1])
				if name != "oauth.ErrInvalidGrant" && !strings.Contains(string(table), "{"+name+",") { // which is always a CodeError
					t.Errorf("%s has no name", name)
				}
			}
		}
	}
	if found < 15 {
		t.Errorf("found %d errors", found)
	}
}

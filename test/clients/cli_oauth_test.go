//go:build integration

package clients_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/cli/oauth/api"
	"github.com/cli/oauth/device"
)

// TestCLIOAuth runs the client of GitHub's command line.
func TestCLIOAuth(t *testing.T) {
	t.Parallel()
	for _, g := range []struct {
		name    string
		decide  decision
		scope   string
		pending bool // the user decides after the first poll
		err     string
	}{
		{"approved", approve, "read_inbox private_info", false, ""},
		{"approved late", approve, "no_expiry", true, ""},
		{"no scope", approve, "", false, ""},
		{"refused", refuse, "read_inbox", false, "access_denied"},
		{"refused late", refuse, "read_inbox", true, "access_denied"},
	} {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			ctx := bounded(t)
			code, err := device.RequestCode(http.DefaultClient, server+"/oauth/device_authorization", clientID, strings.Fields(g.scope))
			if err != nil {
				t.Fatal(err)
			}
			client := &http.Client{Timeout: limit}
			if g.pending {
				client.Transport = &pendingPolls{t: t, left: 1, then: func() { g.decide.visit(t, code.VerificationURIComplete) }}
			} else {
				g.decide.visit(t, code.VerificationURIComplete)
			}
			token, err := device.Wait(ctx, client, server+"/oauth/token", device.WaitOptions{ClientID: clientID, DeviceCode: code})
			if g.err != "" {
				var refused *api.Error
				if !errors.As(err, &refused) || refused.Code != g.err {
					t.Errorf("the client says %v, want %s", err, g.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if token.Type != "Bearer" || token.Scope != "" { // it is what was asked for
				t.Errorf("the token has type %q and scope %q", token.Type, token.Scope)
			}
			checkAPI(t, ctx, token.Token, http.StatusOK)
		})
	}
}

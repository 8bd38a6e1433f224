//go:build integration

package clients_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/cli/oauth/api"
	"github.com/cli/oauth/device"

	"github.com/desktop-stack-serv/dss/internal/scripted"
)

// TestCLIOAuth runs the client of GitHub's command line.
func TestCLIOAuth(t *testing.T) {
	t.Parallel()
	for _, g := range []struct {
		name    string
		decide  scripted.User
		scope   string
		pending bool // the user decides after the first poll
		err     string
	}{
		{"approved", scripted.Approves, "read_inbox private_info", false, ""},
		{"approved late", scripted.Approves, "no_expiry", true, ""},
		{"no scope", scripted.Approves, "", false, ""},
		{"refused", scripted.Denies, "read_inbox", false, "access_denied"},
		{"refused late", scripted.Denies, "read_inbox", true, "access_denied"},
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
				client.Transport = &pendingPolls{t: t, left: 1, then: func() { visit(t, g.decide, code.VerificationURIComplete) }}
			} else {
				visit(t, g.decide, code.VerificationURIComplete)
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

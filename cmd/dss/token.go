package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	dss "github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/internal/cli"
)

// holder is what dss whoami and dss logout have in common: a token, and where
// to ask about it.
type holder struct{ api, server, output string }

func (h *holder) flags(f *cli.Flags) {
	f.StringVar(&h.api, "stackexchange-api-url", "",
		"`URL` of the Stack Exchange API (default "+dss.DefaultAPI+", or the sandbox of a server on this machine)")
	f.StringVar(&h.server, "server", "",
		"`URL` of the DSS server that the token comes from; it matters if that is on this machine and has a sandbox")
}

func whoamiCommand() *cli.Command {
	return &cli.Command{
		Name: "whoami", Summary: "show whose an access token is, and what it allows",
		Arguments: "[-]",
		About: `It shows whose account an access token is for, what the token allows and when it
ends. The token comes from DSS_TOKEN or else, with -, from the first line of
standard input.`,
		Setup: func(f *cli.Flags) cli.Run {
			h := &holder{}
			h.flags(f)
			f.ChoiceVar(&h.output, "output", "text|json", "how to print it")
			return h.with(h.whoami)
		},
	}
}

func logoutCommand() *cli.Command {
	return &cli.Command{
		Name: "logout", Summary: "invalidate an access token",
		Arguments: "[-]",
		About: `It makes Stack Exchange forget an access token. The token comes from DSS_TOKEN or
else, with -, from the first line of standard input.`,
		Setup: func(f *cli.Flags) cli.Run {
			h := &holder{}
			h.flags(f)
			return h.with(h.logout)
		},
	}
}

type tokenRunner func(ctx context.Context, client *dss.TokenClient, token string, stdout io.Writer) error

// with gives a token and a client to a command. Signals end the process as
// usual while it waits for the token.
func (h *holder) with(do tokenRunner) cli.Run {
	return func(ctx context.Context, p cli.Process, args []string) error {
		client, err := dss.NewTokenClient(dss.Config{API: h.api, Server: h.server})
		if err != nil {
			return inFlags(err)
		}
		token, err := readToken(p, args)
		if err != nil {
			return err
		}
		err = interruptible(ctx, func(ctx context.Context) error { return do(ctx, client, token.text, p.Stdout) })
		switch {
		case errors.Is(err, dss.ErrMalformedToken):
			return token.malformed()
		case errors.Is(err, dss.ErrInvalidToken) && h.api == "" && h.server == "":
			return fmt.Errorf("%w; if it comes from a server with a sandbox, name that with --server", err)
		}
		return err
	}
}

func (h *holder) whoami(ctx context.Context, client *dss.TokenClient, token string, stdout io.Writer) error {
	info, err := client.Inspect(ctx, token)
	if err != nil {
		return err
	}
	if h.output == "json" {
		return writeJSON(stdout, identity(info))
	}
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	if info.DisplayName != "" {
		fmt.Fprintf(w, "name\t%s\n", info.DisplayName)
	}
	fmt.Fprintf(w, "account\t%d\n", info.AccountID)
	fmt.Fprintf(w, "scopes\t%s\n", strings.Join(info.Scopes, ", "))
	fmt.Fprintf(w, "expires\t%s\n", whenText(info.Expires))
	return w.Flush()
}

func identity(info *dss.TokenInfo) any {
	answer := struct {
		DisplayName string `json:"display_name,omitempty"`
		AccountID   int64  `json:"account_id"`
		Scope       string `json:"scope"`
		ExpiresAt   string `json:"expires_at,omitempty"`
	}{info.DisplayName, info.AccountID, strings.Join(info.Scopes, " "), ""}
	if !info.Expires.IsZero() {
		answer.ExpiresAt = info.Expires.UTC().Format(time.RFC3339)
	}
	return answer
}

func whenText(expires time.Time) string {
	if expires.IsZero() {
		return "never"
	}
	return fmt.Sprintf("%s (in %v)", expires.Local().Format("2006-01-02 15:04:05 -07:00"), time.Until(expires).Round(time.Minute))
}

func (h *holder) logout(ctx context.Context, client *dss.TokenClient, token string, _ io.Writer) error {
	return client.Invalidate(ctx, token)
}

package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	dss "github.com/desktop-stack-serv/dss"
)

const giveToken = "give the access token on standard input or in DSS_TOKEN; arguments can be seen by others"

// holder is what dss whoami and dss logout have in common: a token, and where
// to ask about it.
type holder struct{ api, output string }

func (h *holder) flags(name string) *flag.FlagSet {
	f := newFlags(name)
	f.StringVar(&h.api, "stackexchange-api-url", dss.DefaultAPI, "`URL` of the Stack Exchange API")
	return f
}

func whoamiCommand() *command {
	return &command{
		name: "whoami", summary: "show whose an access token is, and what it allows", token: true,
		about: `It shows whose account an access token is for, what the token allows and when it
ends. The token comes from standard input, or from DSS_TOKEN.`,
		new: func() (*flag.FlagSet, runner) {
			h := &holder{}
			f := h.flags("whoami")
			choiceVar(f, &h.output, "output", "text|json", "how to print it")
			return f, h.with(h.whoami)
		},
	}
}

func logoutCommand() *command {
	return &command{
		name: "logout", summary: "invalidate an access token", token: true,
		about: `It makes Stack Exchange forget an access token. The token comes from standard
input, or from DSS_TOKEN.`,
		new: func() (*flag.FlagSet, runner) {
			h := &holder{}
			return h.flags("logout"), h.with(h.logout)
		},
	}
}

type tokenRunner func(ctx context.Context, client *dss.Client, token string, stdout io.Writer) error

// with gives a token and a client to a command. Signals end the process as
// usual while it waits for the token.
func (h *holder) with(do tokenRunner) runner {
	return func(ctx context.Context, p process, _ []string) error {
		client, err := dss.NewTokenClient(dss.Config{API: h.api})
		if err != nil {
			return asUsage(err)
		}
		token, err := readToken(p)
		if err != nil {
			return err
		}
		return interruptible(ctx, func(ctx context.Context) error { return do(ctx, client, token, p.stdout) })
	}
}

func (h *holder) whoami(ctx context.Context, client *dss.Client, token string, stdout io.Writer) error {
	info, err := client.Inspect(ctx, token)
	if err != nil {
		return err
	}
	if h.output == "json" {
		return writeJSON(stdout, identity(info))
	}
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	if info.DisplayName != "" {
		fmt.Fprintf(w, "name\t%s\n", printable(info.DisplayName))
	}
	fmt.Fprintf(w, "account\t%d\n", info.AccountID)
	fmt.Fprintf(w, "scopes\t%s\n", printable(strings.Join(info.Scopes, ", ")))
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

func (h *holder) logout(ctx context.Context, client *dss.Client, token string, _ io.Writer) error {
	return client.Invalidate(ctx, token)
}

// longestLine is more than any token, in bytes.
const longestLine = 8 << 10

// readToken takes the first line of standard input, unless that is a terminal
// or empty. It does not wait for the end, which may never come.
func readToken(p process) (string, error) {
	file, isFile := p.stdin.(*os.File)
	if !isFile || !term.IsTerminal(int(file.Fd())) {
		line, err := bufio.NewReader(io.LimitReader(p.stdin, longestLine)).ReadString('\n')
		if err != nil && err != io.EOF {
			return "", fmt.Errorf("standard input: %w", err)
		}
		if token := strings.TrimSpace(line); token != "" {
			return token, nil
		}
	}
	if token, _ := p.env("DSS_TOKEN"); token != "" {
		return strings.TrimSpace(token), nil
	}
	return "", usagef("%s", giveToken)
}

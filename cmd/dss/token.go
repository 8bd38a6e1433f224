package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	dss "github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/internal/cli"
)

// holder has the settings of dss whoami and dss logout.
type holder struct{ api, server, output string }

func (h *holder) flags(f *cli.Flags) {
	f.StringVar(&h.api, "stackexchange-api-url", "",
		"`URL` of the Stack Exchange API (default "+dss.DefaultAPI+", or the sandbox of a server on this machine)")
	f.StringVar(&h.server, "server", "", "`URL` of the DSS server that the token comes from, if that has a sandbox")
}

const tokenSource = "The token comes from DSS_TOKEN or, if that is not set, with - from the first line of " +
	"standard input."

func whoamiCommand() *cli.Command {
	return &cli.Command{
		Name: "whoami", Summary: "show whose an access token is, and what it allows",
		Arguments: "[-]",
		About:     "It shows whose account an access token is for, what the token allows and when it ends. " + tokenSource,
		Setup: func(f *cli.Flags) cli.Run {
			h := &holder{}
			h.flags(f)
			f.ChoiceVar(&h.output, "output", "text|json", "how to print it")
			return h.with(h.whoami)
		},
	}
}

// leaver is every setting of dss logout.
type leaver struct {
	holder
	keep
	clientID, account string
}

func logoutCommand() *cli.Command {
	return &cli.Command{
		Name: "logout", Summary: "invalidate an access token, and remove it if it is stored",
		Arguments: "[-]",
		About: "It makes Stack Exchange forget an access token. " + tokenSource +
			" Otherwise, or with --account, it is the stored one of --client-id, which is removed.",
		Setup: func(f *cli.Flags) cli.Run {
			l := &leaver{}
			l.holder.flags(f)
			f.StringVar(&l.clientID, "client-id", "", "the client ID of the app whose token is stored, a `number`")
			f.StringVar(&l.account, "account", "", accountUsage)
			l.keep.flags(f)
			return l.run
		},
	}
}

func (l *leaver) run(ctx context.Context, p cli.Process, args []string) error {
	given := len(args) > 0 || p.Env("DSS_TOKEN") != ""
	if l.account == "" && (given || l.clientID == "") {
		return l.with(l.logout)(ctx, p, args)
	}
	tokens, err := l.tokens()
	if err != nil {
		return err
	}
	return interruptible(ctx, func(ctx context.Context) error {
		return fromSource(tokens.Forget(ctx, ""))
	})
}

// tokens returns the stored tokens of the app.
func (l *leaver) tokens() (*dss.TokenSource, error) {
	client, err := dss.New(dss.Config{API: l.api, Server: l.server, ClientID: l.clientID})
	if err != nil {
		return nil, inFlags(err)
	}
	storage, err := l.storage()
	return &dss.TokenSource{Client: client, Storage: storage, Account: l.account}, err
}

// logout invalidates a token that was given. If it is stored too, it is removed: whether that
// can be done does not matter to a token that is not.
func (l *leaver) logout(ctx context.Context, client *dss.TokenClient, token string, _ io.Writer) error {
	if err := client.Invalidate(ctx, token); err != nil {
		return fromClient(err)
	}
	if l.clientID == "" || l.server == "" {
		return nil
	}
	if tokens, err := l.tokens(); err == nil {
		_ = tokens.Forget(ctx, token)
	}
	return nil
}

// with gives a token and a client to a command. Signals end the process as
// usual while it waits for the token.
func (h *holder) with(do func(context.Context, *dss.TokenClient, string, io.Writer) error) cli.Run {
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
		return fromClient(err)
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
	return struct {
		DisplayName string    `json:"display_name,omitempty"`
		AccountID   int64     `json:"account_id"`
		Scope       string    `json:"scope"`
		ExpiresAt   time.Time `json:"expires_at,omitzero"`
	}{info.DisplayName, info.AccountID, strings.Join(info.Scopes, " "), info.Expires.UTC().Truncate(time.Second)}
}

func whenText(expires time.Time) string {
	if expires.IsZero() {
		return "never"
	}
	at := expires.Local().Format("2006-01-02 15:04:05 -07:00")
	return fmt.Sprintf("%s (in %v)", at, time.Until(expires).Round(time.Minute))
}

const giveToken = "give the access token in DSS_TOKEN, or on standard input with -; " +
	"other arguments can be seen by others"

// longestLine is more than any token, in bytes.
const longestLine = 8 << 10

// givenToken is an access token, and where it comes from.
type givenToken struct{ text, source string }

// readToken takes the token from DSS_TOKEN or, if that is not set and the
// argument is -, from the first line of standard input.
func readToken(p cli.Process, args []string) (givenToken, error) {
	if len(args) > 0 && !slices.Equal(args, []string{"-"}) {
		return givenToken{}, cli.Usagef("%s", giveToken)
	}
	if text := p.Env("DSS_TOKEN"); text != "" {
		if len(args) > 0 {
			fmt.Fprintln(p.Stderr, "dss: DSS_TOKEN is set, so standard input is not read")
		}
		return givenToken{bareToken(text), "DSS_TOKEN"}, nil
	}
	if len(args) == 0 {
		return givenToken{}, cli.Usagef("%s", giveToken)
	}
	if isTerminal(p.Stdin) {
		fmt.Fprintln(p.Stderr, "Paste the access token and press Enter:")
	}
	text, err := readLine(p.Stdin)
	return givenToken{bareToken(text), "the first line of standard input"}, err
}

// readLine reads the first line. Some shells on Windows write UTF-16, with a
// byte order mark, to files and pipes.
func readLine(r io.Reader) (string, error) {
	decoded := transform.NewReader(io.LimitReader(r, longestLine), unicode.BOMOverride(transform.Nop))
	line, err := bufio.NewReader(decoded).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", fmt.Errorf("standard input: %w", err)
	}
	return line, nil
}

// assignment matches what dss login --output env prints, with or without export.
var assignment = regexp.MustCompile(`^(?:export\s+)?DSS_TOKEN=(.*)$`)

// bareToken removes what programs and files put around a token: a byte order
// mark, white space, the name of a variable, a pair of quotes.
func bareToken(text string) string {
	text = strings.TrimSpace(strings.TrimPrefix(text, "\ufeff"))
	if match := assignment.FindStringSubmatch(text); match != nil {
		text = match[1]
	}
	for _, quote := range []string{`"`, "'"} {
		inner, opened := strings.CutPrefix(text, quote)
		if inner, closed := strings.CutSuffix(inner, quote); opened && closed {
			text = inner
		}
	}
	return strings.TrimSpace(text)
}

// malformed is the error for text that cannot be a token. It does not quote it.
func (g givenToken) malformed() error {
	if g.text == "" {
		return cli.Usagef("there is no access token in %s", g.source)
	}
	return cli.Usagef("%s is not an access token; dss login prints one", g.source)
}

// writeToken prints the result of a sign-in.
func writeToken(w io.Writer, output string, token *dss.Token) error {
	text := token.AccessToken.Reveal()
	switch output {
	case "json":
		return writeJSON(w, tokenAnswer(token))
	case "env":
		text = "DSS_TOKEN=" + quoteForShell(text)
	case "header":
		text = "Authorization: Bearer " + text
	}
	_, err := fmt.Fprintln(w, text)
	return err
}

// tokenAnswer is an OAuth server's answer (RFC 6749 section 5.1).
func tokenAnswer(token *dss.Token) any {
	answer := struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int64  `json:"expires_in,omitempty"`
		Scope       string `json:"scope"`
	}{token.AccessToken.Reveal(), "Bearer", 0, strings.Join(token.Scopes, " ")}
	if !token.Expires.IsZero() {
		answer.ExpiresIn = int64(time.Until(token.Expires).Round(time.Second).Seconds())
	}
	return answer
}

func writeJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// quoteForShell quotes text for POSIX shells.
func quoteForShell(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

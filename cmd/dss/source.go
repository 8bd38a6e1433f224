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

// source is every setting of dss token.
type source struct {
	login
	account string
}

func tokenCommand() *cli.Command {
	return &cli.Command{
		Name: "token", Summary: "print a valid access token, stored or new",
		About: `It prints the stored access token of a user of an app. If there is none that is valid, it signs the user in, as
dss login does, and stores the token in the system's key chain:

  curl --compressed -H "$(dss token --server https://auth.example.org --client-id 12345 --output header)" \
    'https://api.stackexchange.com/2.3/me?site=stackoverflow'

It asks Stack Exchange once an hour whether the token is valid. If less than ten minutes are left, it signs the user in
again. Without a terminal nobody can sign in: then it prints the old token until it ends, and exits with status 6 after
that. Many that run at once sign the user in once.`,
		Setup: func(f *cli.Flags) cli.Run {
			s := &source{}
			s.login.flags(f)
			f.StringVar(&s.account, "account", "", accountUsage)
			return s.run
		},
	}
}

const accountUsage = "the `account`, by number or name, if several are stored"

func (o *source) run(ctx context.Context, p cli.Process, _ []string) error {
	s, client, err := o.prepare(p)
	if err != nil {
		return err
	}
	storage, err := o.storage()
	if err != nil {
		return err
	}
	tokens := &dss.TokenSource{Client: client, Storage: storage, Account: o.account}
	if s.columns > 0 {
		tokens.SignIn = func(ctx context.Context) (*dss.Token, error) { return o.signInWithin(ctx, client, s) }
	}
	return interruptible(ctx, func(ctx context.Context) error {
		token, err := tokens.Token(ctx)
		if err != nil {
			return fromSource(err)
		}
		return writeToken(p.Stdout, o.output, token)
	})
}

// fromSource says in terms of the command line what is wrong with a stored token.
func fromSource(err error) error {
	several, ok := errors.AsType[*dss.AccountError](err)
	switch {
	case ok && several.Wanted == "":
		return cli.Usagef("%s; choose one with --account", strings.TrimPrefix(several.Error(), "dss: "))
	case errors.Is(err, dss.ErrNoToken):
		err = fmt.Errorf("%w; run dss login --store in a terminal", err)
	}
	return fromClient(err)
}

// store signs a user in and stores the token.
func (l *login) store(ctx context.Context, client *dss.Client, s *screen) error {
	storage, err := l.storage()
	if err == nil {
		_, _, err = storage.Load("apps") // before the person signs in for nothing
	}
	if err != nil {
		return err
	}
	token, err := l.signInWithin(ctx, client, s)
	if err != nil {
		return err
	}
	account, err := (&dss.TokenSource{Client: client, Storage: storage}).Store(ctx, token)
	if err != nil {
		return fromClient(err)
	}
	s.printf("%s\n", s.text("login.stored", "account", strings.TrimSpace(fmt.Sprint(account.ID, " ", account.Name))))
	return nil
}

// accounts is every setting of dss accounts.
type accounts struct {
	keep
	output string
}

func accountsCommand() *cli.Command {
	return &cli.Command{
		Name: "accounts", Summary: "list the accounts whose tokens are stored",
		About: "It lists the users whose access tokens dss login --store and dss token have stored, of all apps, " +
			"without the tokens.",
		Setup: func(f *cli.Flags) cli.Run {
			a := &accounts{}
			a.keep.flags(f)
			f.ChoiceVar(&a.output, "output", "text|json", "how to print them")
			return a.run
		},
	}
}

func (a *accounts) run(_ context.Context, p cli.Process, _ []string) error {
	storage, err := a.storage()
	if err != nil {
		return err
	}
	all, err := dss.Accounts(storage)
	errs := []error{a.print(p.Stdout, all)}
	for _, one := range split(err) {
		errs = append(errs, fromClient(one))
	}
	return errors.Join(errs...)
}

func (a *accounts) print(w io.Writer, all []dss.Account) error {
	if a.output == "json" {
		return writeJSON(w, describeAll(all))
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, one := range all {
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\t%s\n", one.ClientID, one.Server, one.ID, one.Name,
			strings.Join(one.Scopes, ", "), whenText(one.Expires))
	}
	return table.Flush()
}

func describeAll(all []dss.Account) any {
	type account struct {
		ClientID    string    `json:"client_id"`
		Server      string    `json:"server"`
		AccountID   int64     `json:"account_id"`
		DisplayName string    `json:"display_name,omitempty"`
		Scope       string    `json:"scope"`
		ExpiresAt   time.Time `json:"expires_at,omitzero"`
	}
	list := []account{}
	for _, a := range all {
		scope, expires := strings.Join(a.Scopes, " "), a.Expires.UTC().Truncate(time.Second)
		list = append(list, account{a.ClientID, a.Server, a.ID, a.Name, scope, expires})
	}
	return list
}

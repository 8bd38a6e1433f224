package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/desktop-stack-serv/dss/internal/apps"
	"github.com/desktop-stack-serv/dss/internal/cli"
	"github.com/desktop-stack-serv/dss/internal/display"
)

// appsList is every setting of dss apps.
type appsList struct{ file, reason, name, output string }

func appsCommand() *cli.Command {
	return &cli.Command{
		Name: "apps", Summary: "show, check and change the list of apps", Arguments: "list|check|block|unblock",
		About: `dss apps list prints the apps in the file of --apps, and dss apps check says whether a server can use it:
it prints a line for each mistake, and the status is 1 if there is one. Otherwise it says what the redirect URIs open.

dss apps block ID and dss apps unblock ID change whether the app with this client ID or app id is blocked. They change
one line, and servers follow within a second. The new file replaces the old one at once, with the same mode and owner. A
block needs --reason, which people are shown. If the app is not in the list, it also needs --name, by which it is added.`,
		Setup: func(f *cli.Flags) cli.Run {
			a := &appsList{}
			f.StringVar(&a.file, "apps", "", "`file` with the list of apps")
			f.StringVar(&a.reason, "reason", "", "why the app is blocked, as people are shown it: a sentence")
			f.StringVar(&a.name, "name", "", "`name` of an app that is not in the list, to add it as blocked")
			f.ChoiceVar(&a.output, "output", "text|json", "how to print the list")
			return a.run
		},
	}
}

func (a *appsList) run(_ context.Context, p cli.Process, args []string) error {
	if a.file == "" {
		return cli.Usagef("name the list of apps in --apps")
	}
	switch {
	case len(args) == 1 && args[0] == "list":
		return a.list(p.Stdout)
	case len(args) == 1 && args[0] == "check":
		return a.check(p.Stdout)
	case len(args) == 2 && args[0] == "block":
		return a.block(p.Stdout, args[1])
	case len(args) == 2 && args[0] == "unblock":
		return a.unblock(p.Stdout, args[1])
	}
	return cli.Usagef("say dss apps list, dss apps check, dss apps block ID or dss apps unblock ID")
}

// listedApp is an app as JSON: the members of the file.
type listedApp struct {
	ClientID string      `json:"client_id,omitempty"`
	AppID    string      `json:"app_id,omitempty"`
	Name     string      `json:"name"`
	Author   string      `json:"author,omitempty"`
	Flows    []apps.Flow `json:"flows,omitempty"`
	Scopes   *[]string   `json:"scopes,omitempty"` // empty allows none
	Targets  []string    `json:"redirect_uris,omitempty"`
	Limits   float64     `json:"limits"`
	Blocked  string      `json:"blocked,omitempty"`
}

func (a *appsList) list(w io.Writer) error {
	l, err := apps.Read(a.file, nil)
	if err != nil {
		return err
	}
	if a.output == "json" {
		all := []listedApp{}
		for _, app := range l.All() {
			one := listedApp{app.ClientID, app.AppID, app.Name, app.Author, app.Flows, nil, nil, app.Limits, app.Blocked}
			if app.Scopes != nil {
				one.Scopes = &app.Scopes
			}
			for _, target := range app.RedirectURIs {
				one.Targets = append(one.Targets, target.URI)
			}
			all = append(all, one)
		}
		return writeJSON(w, all)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "CLIENT ID\tAPP ID\tNAME\tBLOCKED")
	for _, app := range l.All() {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", dash(app.ClientID), dash(app.AppID), dash(app.Name), dash(app.Blocked))
		for _, target := range app.RedirectURIs {
			fmt.Fprintf(table, "\t\t%s\t\n", target.URI)
		}
	}
	return table.Flush()
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return display.Clean(text)
}

func (a *appsList) check(w io.Writer) error {
	l, err := apps.Read(a.file, nil)
	if err != nil {
		return err
	}
	for _, app := range l.All() {
		for _, target := range app.RedirectURIs {
			fmt.Fprintf(w, "%s: %s opens %s\n", app.Name, target.URI, target.Opens())
		}
	}
	_, err = fmt.Fprintf(w, "%d apps, of which %d blocked\n", len(l.All()), l.Blocked())
	return err
}

func (a *appsList) block(w io.Writer, id string) error {
	if a.reason == "" {
		return cli.Usagef("say why in --reason: people are shown it")
	}
	err := apps.Block(a.file, id, a.reason)
	switch {
	case errors.Is(err, apps.ErrUnlisted) && a.name == "":
		return fmt.Errorf("%w: to add the app as blocked, give its name in --name", err)
	case errors.Is(err, apps.ErrUnlisted):
		err = apps.BlockNew(a.file, id, a.name, a.reason)
	}
	if err == nil {
		_, err = fmt.Fprintln(w, "blocked")
	}
	return err
}

func (a *appsList) unblock(w io.Writer, id string) error {
	err := apps.Unblock(a.file, id)
	if err == nil {
		_, err = fmt.Fprintln(w, "not blocked")
	}
	return err
}

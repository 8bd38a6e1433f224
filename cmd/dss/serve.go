package main

import (
	"context"
	"strings"

	dss "github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/apps"
	"github.com/desktop-stack-serv/dss/internal/cli"
	"github.com/desktop-stack-serv/dss/internal/daemon"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/web/text"
)

func serveCommand() *cli.Command {
	return &cli.Command{
		Name: "serve", Summary: "run the server",
		About: "It runs the server until a signal ends it. After SIGTERM or SIGINT it asks waiting apps to come again, " +
			"answers requests and closes connections. A second signal ends it at once. SIGHUP changes nothing.",
		Setup: func(f *cli.Flags) cli.Run {
			var settings daemon.Settings
			var check bool
			serveFlags(f, &settings, &check)
			return func(ctx context.Context, p cli.Process, _ []string) error {
				refuseZeros(&settings)
				if check {
					return daemon.Check(settings, p.Misspelt(), p.Stdout)
				}
				return daemon.Run(ctx, settings, daemon.Process{
					Stdout: p.Stdout, Stderr: p.Stderr, Build: build(), Warnings: p.Misspelt(),
				})
			}
		},
	}
}

// refuseZeros makes zeros from the command line invalid: in [daemon.Settings]
// they stand for the defaults.
func refuseZeros(s *daemon.Settings) {
	if s.TTL == 0 {
		s.TTL = -1
	}
	if s.MaxEntries == 0 {
		s.MaxEntries = -1
	}
}

// serveFlags declares the settings of a server.
func serveFlags(f *cli.Flags, s *daemon.Settings, check *bool) {
	f.Group("Start here")
	f.StringVar(&s.PublicURL, "public-url", "", "the server's `URL` as browsers and apps see it "+
		"(default http://localhost and the port, if --listen is loopback)")
	f.StringVar(&s.Listen, "listen", "", "`address` to serve on; with HTTPS, a second one after a comma redirects "+
		"plain HTTP (default "+daemon.DefaultListen+", :443,:80 with --acme-email, :443 with --tls-cert)")
	storeFlag(f, &s.Store)
	f.SwitchVar(&s.Sandbox, "sandbox", daemon.SandboxOptions, "serve a fake Stack Exchange under /sandbox/, "+
		"to this machine only and by the rules of 2026; remote serves it to all, and lets them sign in as any user; "+
		"2025 has it take tokens and keys in the query; internal makes it a Stack Internal (Enterprise); "+
		"separate several with commas")
	f.BoolVar(check, "check", "print what these settings would do, without starting; status 2 if they would not work")

	f.Group("HTTPS without a proxy")
	f.StringVar(&s.ACMEEmail, "acme-email", "", "obtain certificates by ACME, and accept the authority's terms; "+
		"it may write to this `address`")
	f.StringVar(&s.ACMEDirectory, "acme-directory", "", "`URL` of the ACME directory of the certificate authority "+
		"(default Let's Encrypt's)")
	f.StringVar(&s.TLSCert, "tls-cert", "", "`file` of the certificate with its chain (PEM), instead of ACME; "+
		"read again when it changes")
	f.StringVar(&s.TLSKey, "tls-key", "", "`file` of the certificate's private key (PEM)")

	f.Group("Proxies and limits")
	f.StringVar(&s.TrustedProxies, "trusted-proxies", "", "comma-separated `networks` of proxies whose X-Forwarded-For "+
		"names the client; unix for those that connect to a Unix socket; proxy-protocol if connections begin "+
		"with a PROXY header")
	f.StringVar(&s.Limits, "limits", "1", "`factor` by which the limits are multiplied, or off, for load tests and "+
		"private networks")
	f.IntVar(&s.MaxEntries, "max-entries", store.DefaultMaxEntries, "`number` of entries that the store holds; "+
		"their size and the number of waiting apps are bounded in proportion")

	f.Group("Apps and Stack Exchange")
	f.StringVar(&s.AppHosts, "app-hosts", "", "comma-separated `ids` of apps with a host of their own below the "+
		"public one, or all (not with --acme-email)")
	f.StringVar(&s.Apps, "apps", "", "`file` with the list of apps (docs/apps.md): their names on pages, what they may, "+
		"and which are blocked; read again when it changes")
	f.ChoiceVar(&s.UnknownApps, "unknown-apps", apps.UnknownOptions, "what becomes of apps that are not in --apps: "+
		"warn users of them, allow them without a word, or refuse them")
	f.ChoiceVar(&s.Confirm, "confirm", daemon.ConfirmOptions, "whether a sign-in asks the user first: "+
		"always (all), or oauth-only (sessions), which hands a relay key its token at once; for a private server")
	f.BoolVar(&s.WeakKeys, "weak-keys", "accept relay keys that are short or made from a time, "+
		"which can be guessed")
	f.DurationVar(&s.TTL, "ttl", api.DefaultTTL, "how long a sign-in may take")
	upstreamFlags(f, s)
	f.BoolVar(&s.UpstreamCheck, "upstream-check", "check once a day that Stack Exchange is as DSS expects, as dss "+
		"upstream check does; the log and the metrics have the result")

	operatorFlags(f, s)

	f.Group("Log, metrics and secret")
	f.ChoiceVar(&s.LogFormat, "log-format", "text|json", "how to write the log")
	f.StringVar(&s.AdminListen, "admin-listen", "", "`address` for metrics, health checks and profiles; keep it private")
	f.StringVar(&s.SecretFile, "secret-file", "", "`file` with at least 32 random bytes, the same on each server: it "+
		"seals certificates in a shared --store, and makes the hashes in audit lines the same on all servers "+
		"(default a new key for the hashes at each start)")
}

func operatorFlags(f *cli.Flags, s *daemon.Settings) {
	f.Group("Who runs it")
	f.StringVar(&s.OperatorName, "operator-name", "", "`name` of who runs the server, for its pages")
	f.StringVar(&s.OperatorURL, "operator-url", "", "`URL` of a page about them and their terms, with https")
	f.StringVar(&s.OperatorContact, "operator-contact", "", "`URL` for reports of weaknesses, with mailto: or https:; "+
		"/security and security.txt show it")
	f.ChoiceVar(&s.Language, "language", strings.Join(text.All.Tags(), "|"),
		"what pages are in for browsers that ask for none of these languages")
}

func upstreamFlags(f *cli.Flags, s *daemon.Settings) {
	f.StringVar(&s.StackExchangeURL, "stackexchange-url", "", "`URL` where users sign in "+
		"(default "+dss.DefaultStackExchange+")")
	f.StringVar(&s.StackExchangeAPIURL, "stackexchange-api-url", "", "`URL` of the Stack Exchange API "+
		"(default "+dss.DefaultAPI+")")
}

func storeFlag(f *cli.Flags, store *string) {
	f.StringVar(store, "store", daemon.DefaultStore, "where sign-ins wait: `sqlite:PATH`, memory:, redis://…, rediss://… "+
		"or postgres://…")
}

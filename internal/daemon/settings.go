// Package daemon runs the server: it checks the settings, opens store,
// certificates and listeners, serves until it is told to stop, and drains.
//
// [Settings] are what an operator chooses. [Run] and [Check] turn them into a
// plan, which is complete and never changes, and examine what the machine has
// to offer for it. Run then starts the parts one by one. Each part that has to
// be stopped adds itself to a list, which is worked off from its end.
package daemon

import (
	"errors"
	"fmt"
	"time"
)

// Defaults of [Settings].
const (
	DefaultListen = "127.0.0.1:8080"
	DefaultStore  = "sqlite:data/dss.db"
)

// Settings say how to run a server. The zero value serves this machine alone,
// over plain HTTP, with a database in the current folder.
type Settings struct {
	// Listen is the address to serve on. With HTTPS, a second one after a
	// comma redirects plain HTTP. The default is [DefaultListen], :443,:80
	// with ACMEEmail, and :443 with TLSCert.
	Listen string
	// PublicURL is the origin that browsers and apps see. If Listen is
	// loopback, the default is http://localhost and the port.
	PublicURL string
	// Store is where sign-ins wait: memory:, sqlite:PATH, or the URL of a Redis
	// or PostgreSQL server. The default is [DefaultStore].
	Store string
	// TTL is how long a sign-in may take, from a second to a day. The default
	// is [api.DefaultTTL].
	TTL time.Duration
	// MaxEntries is how many entries the store holds; 0 is
	// [store.DefaultMaxEntries]. It bounds their size and the waiting apps too.
	MaxEntries int
	// Confirm says which sign-ins ask the user first; see [ConfirmOptions].
	Confirm string
	// AppHosts are the ids, separated by commas, of apps with a host of their
	// own below the public one; all stands for any.
	AppHosts string
	// Apps is the file with the list of apps, if there is one; see package apps.
	Apps string
	// UnknownApps says what becomes of apps that are not in it; see
	// [apps.UnknownOptions].
	UnknownApps string
	// WeakKeys accepts relay keys that are short or made from a time.
	WeakKeys bool

	// Language is the tag of the language of pages for browsers that ask for none
	// that there is; see [text.All]. The default is en.
	Language string

	// AdminListen is the address of metrics, health checks and profiles, if any.
	AdminListen string
	// LogFormat is text, the default, or json.
	LogFormat string
	// SecretFile holds at least 32 random bytes, the same for all servers of one
	// name: the key of the hashes in audit lines, and of certificates in a
	// shared store. By default each start makes a key for the hashes.
	SecretFile string

	// OperatorName, OperatorURL and OperatorContact say who runs the server: a name
	// as in the list of apps, an https URL, and a mailto: or https URL for reports of
	// weaknesses. Each may be empty.
	OperatorName, OperatorURL, OperatorContact string

	// Limits is off, or a factor of all limits of a client; "" is 1.
	Limits string
	// TrustedProxies are the networks of proxies whose X-Forwarded-For counts,
	// separated by commas. unix stands for all peers of a Unix socket;
	// proxy-protocol means that connections begin with a PROXY header.
	TrustedProxies string

	// TLSCert and TLSKey are PEM files of a certificate's chain and key.
	TLSCert, TLSKey string
	// ACMEEmail has certificates ordered by ACME, from ACMEDirectory, which is
	// Let's Encrypt's by default.
	ACMEEmail, ACMEDirectory string

	// StackExchangeURL is where users sign in, StackExchangeAPIURL the API.
	StackExchangeURL, StackExchangeAPIURL string
	// UpstreamCheck has Stack Exchange compared once a day with what DSS relies on.
	UpstreamCheck bool
	// Sandbox serves a fake Stack Exchange instead: [SandboxOn] is for this
	// machine alone; or some of [SandboxOptions], separated by commas. "" and
	// off serve none.
	Sandbox string
}

// ConfirmOptions are the values of [Settings.Confirm]. With oauth-only, the answer
// for a relay key is handed over at once. all and sessions are the former names.
const ConfirmOptions = "always|oauth-only|all|sessions"

// SandboxOn and SandboxOptions are the values of [Settings.Sandbox]. With remote,
// everyone can sign in as any user. The years are those whose rules it follows, by
// default the last. With internal it is a Stack Internal.
const (
	SandboxOn      = "on"
	SandboxOptions = "remote|2025|2026|internal"
)

// SettingError is a mistake in the settings. It names them as the flags of dss
// serve.
type SettingError struct{ text string }

func (e SettingError) Error() string { return e.text }

// mistakes is a mistake for each error that err joins.
func mistakes(setting string, err error) error {
	var all []error
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			all = append(all, mistake("%s: %v", setting, one))
		}
		return errors.Join(all...)
	}
	return mistake("%s: %v", setting, err)
}

func mistake(format string, arguments ...any) error {
	return SettingError{fmt.Sprintf(format, arguments...)}
}

// Package oauth is the domain of the OAuth server in front of Stack Exchange:
// the authorization code grant for apps with a loopback or private-use
// redirect URI (RFC 6749 section 4.1, RFC 8252) and the device grant (RFC
// 8628). It knows no HTTP.
//
// A sign-in of either grant is one [session] in the store, sealed under a secret
// that is stored nowhere, and without the code verifier, which only the app has.
// What is at rest cannot be turned into a token, and no token is ever stored. A
// [Trial] is a sign-in in which this server is the app.
package oauth

import (
	"context"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

const (
	// Interval is how long a device waits between two polls.
	Interval = 5 * time.Second
	// codeLife bounds how long an app may take to redeem its code (RFC 6749
	// section 4.1.2).
	codeLife = 10 * time.Minute
	// lateTime is how long an app has at least to redeem its code. Nothing in
	// the store outlives its TTL by more.
	lateTime = api.RetryWindow
)

// Config is what a [Service] needs.
type Config struct {
	// TTL is how long a sign-in may take; 0 means [api.DefaultTTL].
	TTL time.Duration
	// Issuer names this server to apps (RFC 9207).
	Issuer string
	// CallbackURL is where Stack Exchange sends browsers back to.
	CallbackURL string
	// Shared says that several servers use the store.
	Shared bool
	// Allow is asked before entries are stored, and before what is stored
	// becomes longer, with the number of new entries and how much more a store
	// counts for them. Its error is returned. If it is nil, all are allowed.
	Allow func(ctx context.Context, entries, bytes int) error
	// Permit is asked at each step of a sign-in in the browser, and where it starts,
	// whether its app may go on. Scopes are those that the app asks for, and nil after
	// the start. Its error is returned, and nothing has changed. If Permit is nil,
	// all may go on. A request for a token names its client, so the caller asks.
	Permit func(ctx context.Context, clientID string, grant Grant, scopes []string) error
	// Target reports whether a client has a redirect URI that is neither loopback nor
	// private-use. If it is nil, none has.
	Target func(clientID, redirectURI string) bool
	// Observe is told of each step once, with the context of the request that
	// led to it. It must not block. If it is nil, nobody is told.
	Observe func(context.Context, Event)
}

// Service runs sign-ins. It is safe for concurrent use and starts no
// goroutine.
type Service struct {
	vault    *sealed.Vault
	sessions sealed.Records[session] // under the state sent to Stack Exchange
	pointers sealed.Records[pointer] // under the user code
	trials   sealed.Records[Trial]   // under the secret of the browser
	upstream *stackexchange.Client
	config   Config
	pace     pacer
}

// New returns a service that keeps its sessions in vault.
func New(vault *sealed.Vault, upstream *stackexchange.Client, config Config) *Service {
	if config.TTL <= 0 {
		config.TTL = api.DefaultTTL
	}
	s := &Service{
		vault:    vault,
		sessions: sealed.NewRecords(vault, session.pack, unpackSession),
		pointers: sealed.NewRecords(vault, pointer.pack, unpackPointer),
		trials:   sealed.NewRecords(vault, Trial.pack, unpackTrial),
		upstream: upstream,
		config:   config,
		pace:     &pace{},
	}
	if config.Shared {
		s.pace = newSharedPace(vault)
	}
	return s
}

// Life is how long a sign-in can take, from its start to the token.
func (s *Service) Life() time.Duration { return s.config.TTL + lateTime }

func (s *Service) codeLife() time.Duration { return min(s.config.TTL, codeLife) }

// Token is what an app gets in the end.
type Token struct {
	AccessToken secret.Text
	Expires     time.Duration // 0: never
	Scope       *string       // what Stack Exchange was asked for; nil if the app asked for the same set
}

// IsClientID reports whether text has the form of a client ID. Which apps there
// are, Stack Exchange knows.
func IsClientID(text string) bool {
	return text != "" && len(text) <= 18 && strings.Trim(text, "0123456789") == ""
}

func checkClientID(clientID string) error {
	if !IsClientID(clientID) {
		return ErrInvalidClient
	}
	return nil
}

// atStackExchange is where the user's browser goes next.
func (s *Service) atStackExchange(sess session, state string) string {
	return s.upstream.AuthorizeURL(stackexchange.Authorization{
		ClientID: sess.ClientID, Scope: sess.Scope.upstream(), RedirectURI: s.config.CallbackURL,
		State: state, CodeChallenge: sess.Challenge,
	}) + noFragment
}

// noFragment ends every address that browsers are sent to: without it they
// would hand on the fragment of the address they come from.
const noFragment = "#"

// permit asks whether an app may go on.
func (s *Service) permit(ctx context.Context, clientID string, grant Grant, asked scope) error {
	if s.config.Permit == nil {
		return nil
	}
	return s.config.Permit(ctx, clientID, grant, asked.names())
}

// allow asks whether entries of a size in all may be stored.
func (s *Service) allow(ctx context.Context, entries, bytes int) error {
	if s.config.Allow == nil {
		return nil
	}
	return s.config.Allow(ctx, entries, bytes)
}

package sandbox

import (
	"net/http"
	"path"
	"sync/atomic"
)

// Prefix is the path under which a [Sandbox] serves everything.
const Prefix = "/sandbox/"

// Config is what a [Sandbox] can be told. The zero value serves this machine
// and sends users anywhere.
type Config struct {
	// Domain returns the OAuth domain that an app has registered, without a
	// port: redirect URIs on it and on its subdomains are good, others are
	// not. "" means that there is no such app. If Domain is nil, every app
	// exists and any host will do.
	Domain func(clientID string) string
	// Defaults are the switches of an authorization request that names none.
	Defaults Switches
	// Faults are the outages to start with.
	Faults map[Class]Fault
	// Remote serves clients that are not on this machine, too.
	Remote bool
	// MaxTokens bounds the tokens kept in memory. The zero value means
	// 10,000.
	MaxTokens int
}

// Sandbox serves the fake. It is safe for concurrent use.
type Sandbox struct {
	config  Config
	mux     *http.ServeMux
	ledger  *ledger
	faults  faults
	queries atomic.Int64 // API requests so far, for the quota
}

// New returns a sandbox in which nobody has authorized anything yet.
func New(config Config) *Sandbox {
	if config.MaxTokens <= 0 {
		config.MaxTokens = defaultMaxTokens
	}
	s := &Sandbox{config: config, ledger: newLedger(config.MaxTokens)}
	for class, fault := range config.Faults {
		s.SetFault(class, fault)
	}
	s.mux = s.routes()
	return s
}

func (s *Sandbox) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/sandbox/{$}", getOnly(s.index))
	mux.HandleFunc("/sandbox/sandbox.css", getOnly(asset("sandbox.css", "text/css; charset=utf-8")))
	mux.HandleFunc("/sandbox/sandbox.svg", getOnly(asset("sandbox.svg", "image/svg+xml")))
	mux.HandleFunc("/sandbox/interstitial.js", getOnly(asset("interstitial.js", "text/javascript; charset=utf-8")))
	mux.HandleFunc("/sandbox/", notFound)

	mux.HandleFunc("/sandbox/oauth", s.authorize(codeGrant))
	mux.HandleFunc("/sandbox/oauth/dialog", s.authorize(implicitGrant))
	mux.HandleFunc("/sandbox/oauth/access_token", s.redemption(writeTokenForm))
	mux.HandleFunc("/sandbox/oauth/access_token/json", s.redemption(writeTokenJSON))

	mux.HandleFunc("/sandbox/2.3/access-tokens/{tokens}", s.method(s.accessTokens))
	mux.HandleFunc("/sandbox/2.3/access-tokens/{tokens}/invalidate", s.method(s.invalidate))
	mux.HandleFunc("/sandbox/2.3/apps/{tokens}/de-authenticate", s.method(s.deauthenticate))
	mux.HandleFunc("/sandbox/2.3/me", s.method(s.me))
	mux.HandleFunc("/sandbox/2.3/inbox", s.method(s.inbox))
	mux.HandleFunc("/sandbox/2.3/", s.method(noMethod))
	mux.HandleFunc("/sandbox/2.3", s.method(noMethod)) // or ServeMux would redirect
	return mux
}

// The policy of DSS's own pages but for form-action, which Chromium applies to
// every redirect that follows a form post: to the app's redirect URI, and on.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
	"connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

var headers = map[string]string{
	"Content-Security-Policy": contentSecurityPolicy,
	"Referrer-Policy":         "no-referrer",
	"Cache-Control":           "no-store",
	"X-Content-Type-Options":  "nosniff",
	"X-Frame-Options":         "DENY",
	"X-Robots-Tag":            "noindex",
	"X-DSS-Sandbox":           "1",
}

// ServeHTTP serves the paths under [Prefix].
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for name, value := range headers {
		w.Header().Set(name, value)
	}
	clean := path.Clean(r.URL.Path)
	switch {
	case !s.config.Remote && !fromLoopback(r):
		refuseRemote(w, r)
	case r.URL.Path != clean && r.URL.Path != clean+"/":
		notFound(w, r) // ServeMux would redirect
	default:
		s.mux.ServeHTTP(w, r)
	}
}

// getOnly lets GET and HEAD through to a handler that changes nothing.
func getOnly(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			writeProblem(w, methodNotAllowed)
			return
		}
		next(w, r)
	}
}

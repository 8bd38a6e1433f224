package sandbox

import (
	"net/http"
	"path"
	"sync/atomic"
)

// Config is how a [Sandbox] behaves. The zero value serves this machine
// and sends users anywhere.
type Config struct {
	// Domain returns the OAuth domain that an app has registered, without a
	// port: redirect URIs on it and on its subdomains are good, others are
	// not. "" means that there is no such app. If Domain is nil, every app
	// exists and any host will do.
	Domain func(clientID string) string
	// Remote serves clients that are not on this machine, too.
	Remote bool
}

// Sandbox serves the fake. It is safe for concurrent use.
type Sandbox struct {
	config  Config
	mux     *http.ServeMux
	ledger  *ledger
	queries atomic.Int64 // API requests so far, for the quota
}

// New returns a sandbox in which no app is authorized yet.
func New(config Config) *Sandbox {
	s := &Sandbox{config: config, ledger: newLedger()}
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

	mux.HandleFunc("/sandbox/2.3/access-tokens/{tokens}", s.method(s.onTokens(func(token) {})))
	mux.HandleFunc("/sandbox/2.3/access-tokens/{tokens}/invalidate", s.method(s.onTokens(s.ledger.invalidate)))
	mux.HandleFunc("/sandbox/2.3/apps/{tokens}/de-authenticate", s.method(s.onTokens(s.ledger.deauthenticate)))
	mux.HandleFunc("/sandbox/2.3/me", s.method(s.me))
	mux.HandleFunc("/sandbox/2.3/inbox", s.method(s.inbox))
	mux.HandleFunc("/sandbox/2.3/", s.method(noMethod))
	mux.HandleFunc("/sandbox/2.3", s.method(noMethod)) // or ServeMux would redirect
	return mux
}

// The policy of DSS's own pages without form-action, which Chromium applies to
// every redirect that follows a form post, such as that to the redirect URI.
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

// ServeHTTP serves the paths under /sandbox/.
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
			writeProblem(w, problem{http.StatusMethodNotAllowed, "Method not allowed", "use GET"})
			return
		}
		next(w, r)
	}
}

package sandbox

import (
	"net/http"
	"path"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/desktop-stack-serv/dss/internal/web/text"
)

// Era is a year whose rules for credentials the API follows.
type Era string

// The eras.
const (
	// Era2026 takes a key or a token as Authorization: Bearer or in the body of
	// a POST, and refuses both in the query.
	Era2026 Era = "2026"
	// Era2025 takes them in the query, too. There a token needs a key.
	Era2025 Era = "2025"
)

// Config is how a [Sandbox] behaves. The zero value serves this machine, by the
// rules of 2026, and sends users anywhere.
type Config struct {
	// Host is where the sandbox is, without a port: the OAuth domain of the apps
	// that are registered right. If it is empty, it is the host of each request
	// for the apps of the list, and others may redirect everywhere.
	Host string
	// Remote serves clients that are not on this machine, too.
	Remote bool
	// Era is the year; "" means [Era2026].
	Era Era
	// Internal makes it a Stack Internal (Enterprise): the API is at
	// /sandbox/api/2.3, takes credentials in X-API-Access-Token and X-API-Key,
	// too, and users pick the team for the scope access_team.
	Internal bool
	// Nasty sets the switches to what has been seen but is easily
	// overlooked, as long as it delays nothing.
	Nasty bool
	// Languages are those of the pages for users. The zero value means [text.All].
	Languages text.Languages
}

// Sandbox serves the fake. It is safe for concurrent use.
type Sandbox struct {
	config   Config
	mux      *http.ServeMux
	ledger   *ledger
	registry *registry
	switches *switches
	queries  atomic.Int64 // API requests so far, for the quota
}

// New returns a sandbox in which no app is authorized yet.
func New(config Config) *Sandbox {
	if config.Era == "" {
		config.Era = Era2026
	}
	if config.Languages == nil {
		config.Languages = text.All
	}
	s := &Sandbox{
		config: config, ledger: newLedger(), switches: newSwitches(config.Nasty),
		registry: &registry{host: strings.ToLower(config.Host), changed: map[string]App{}},
	}
	s.mux = s.routes()
	return s
}

// APIPath is where the API is.
func (s *Sandbox) APIPath() string {
	if s.config.Internal {
		return "/sandbox/api/2.3"
	}
	return "/sandbox/2.3"
}

func (s *Sandbox) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/sandbox/{$}", getOnly(s.index))
	mux.HandleFunc("/sandbox/applications/{id}", getOrPost(s.application))
	mux.HandleFunc("/sandbox/apps", getOrPost(s.apps))
	mux.HandleFunc("/sandbox/switches", getOrPost(s.switchPage))
	mux.HandleFunc("/sandbox/tokens.css", getOnly(tokens))
	mux.HandleFunc("/sandbox/sandbox.css", getOnly(asset("sandbox.css", "text/css; charset=utf-8")))
	mux.HandleFunc("/sandbox/sandbox.svg", getOnly(asset("sandbox.svg", "image/svg+xml")))
	mux.HandleFunc("/sandbox/interstitial.js", getOnly(asset("interstitial.js", "text/javascript; charset=utf-8")))
	mux.HandleFunc("/sandbox/", notFound)

	mux.HandleFunc("/sandbox/oauth", s.authorize(codeGrant))
	mux.HandleFunc("/sandbox/oauth/dialog", s.authorize(implicitGrant))
	mux.HandleFunc(loginSuccessPath, getOnly(s.loginSuccess))
	mux.HandleFunc("/sandbox/oauth/access_token", s.redemption(writeTokenForm))
	mux.HandleFunc("/sandbox/oauth/access_token/json", s.redemption(writeTokenJSON))

	for pattern, method := range s.methods() {
		mux.HandleFunc(s.APIPath()+pattern, s.method(method))
	}
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
		s.refuseRemote(w, r)
	case r.URL.Path != clean && r.URL.Path != clean+"/":
		notFound(w, r) // ServeMux would redirect
	default:
		s.mux.ServeHTTP(w, r)
	}
}

// getOnly lets GET and HEAD through to a handler that changes nothing.
func getOnly(next http.HandlerFunc) http.HandlerFunc {
	return only(next, http.MethodGet, http.MethodHead)
}

// getOrPost lets POST through, too.
func getOrPost(next http.HandlerFunc) http.HandlerFunc {
	return only(next, http.MethodGet, http.MethodHead, http.MethodPost)
}

func only(next http.HandlerFunc, methods ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(methods, r.Method) {
			w.Header().Set("Allow", strings.Join(methods, ", "))
			writeProblem(w, problem{http.StatusMethodNotAllowed, "Method not allowed", "use GET"})
			return
		}
		next(w, r)
	}
}

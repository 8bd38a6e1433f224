// Command pictures serves every page of DSS in every state, for test/browser/pictures.js:
// /states lists the states, and /picture/LANGUAGE/STATE is the page. It prints its address,
// and ends with its standard input.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/limit"
	"github.com/desktop-stack-serv/dss/internal/sandbox"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/site"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
	"github.com/desktop-stack-serv/dss/internal/web"
	"github.com/desktop-stack-serv/dss/internal/web/text"
	"github.com/desktop-stack-serv/dss/test/pseudo"
)

// languages are those of the pages, and two that show what does not fit.
var languages = append(slices.Clone(text.All), pseudo.Accented, pseudo.Mirrored)

// realHost is the host of the server on the pictures.
const realHost = "auth.example.org"

func main() {
	log.SetFlags(0)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	handler, err := newHandler(&url.URL{Scheme: "http", Host: listener.Addr().String()})
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal(http.Serve(listener, handler)) }()
	fmt.Println("http://" + listener.Addr().String())
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// newReal returns a server without a sandbox, at https://auth.example.org.
func newReal() (*httpapi.Server, error) {
	return httpapi.New(sealed.NewVault(memory.New(store.Limits{})), httpapi.Config{
		PublicURL: &url.URL{Scheme: "https", Host: realHost}, Languages: languages, Version: "1.0.0",
		Operator: site.Operator{Name: "Example Foundation", Contact: "mailto:security@example.org"},
		Log:      slog.New(slog.DiscardHandler), AuditKey: []byte("k"), Limits: &limit.Config{},
	})
}

// newHandler returns a whole server at an address, and the pictures beside it.
func newHandler(address *url.URL) (http.Handler, error) {
	fake := sandbox.New(sandbox.Config{Languages: languages})
	server, err := httpapi.New(sealed.NewVault(memory.New(store.Limits{})), httpapi.Config{
		PublicURL: address, Sandbox: fake, Languages: languages, Version: "1.0.0",
		StackExchange: stackexchange.Config{BaseURL: address.JoinPath("sandbox"), APIURL: address.JoinPath("sandbox/2.3")},
		Log:           slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, err
	}
	other, err := newReal()
	if err != nil {
		return nil, err
	}
	shown := web.Server{Host: realHost, Service: "Stack Overflow", Operator: "Example Foundation"}
	pages := web.New(shown, languages)
	mux := http.NewServeMux()
	whole, withoutSandbox := server.Handler(), other.Handler()
	mux.Handle("/", whole)
	mux.HandleFunc("GET /states", listStates)
	mux.HandleFunc("GET /picture/{language}/{state}", func(w http.ResponseWriter, r *http.Request) {
		state, ok := find(r.PathValue("state"))
		language := languages.Find(r.PathValue("language"))
		switch {
		case !ok || language == nil:
			http.NotFound(w, r)
		case state.path != "":
			inner := r.Clone(r.Context())
			inner.URL, _ = url.Parse(state.path)
			inner.RequestURI = state.path
			inner.Header.Set("Accept-Language", language.Tag)
			inner.Header.Set("Accept", "text/html")
			if state.Real {
				inner.Host = realHost
				withoutSandbox.ServeHTTP(w, inner)
				return
			}
			whole.ServeHTTP(w, inner)
		default:
			show(w, pages, language, state)
		}
	})
	return mux, nil
}

// show renders a page from its data.
func show(w http.ResponseWriter, pages *web.Pages, language *text.Language, state state) {
	body, err := pages.Render(language, "/picture/"+language.Tag+"/"+state.Name, state.page)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if state.NoScript {
		body = withoutScript(body)
	}
	httpapi.SetPageHeaders(w.Header())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(body)
}

var scripts = regexp.MustCompile(`<script [^>]*></script>`)

// withoutScript is what a browser makes of a page that runs no scripts.
func withoutScript(body []byte) []byte {
	scriptless := scripts.ReplaceAllString(string(body), "")
	return []byte(strings.NewReplacer("<noscript>", "", "</noscript>", "").Replace(scriptless))
}

func listStates(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(struct {
		Languages []string `json:"languages"`
		States    []state  `json:"states"`
	}{languages.Tags(), states})
}

func find(name string) (state, bool) {
	i := slices.IndexFunc(states, func(s state) bool { return s.Name == name })
	if i < 0 {
		return state{}, false
	}
	return states[i], true
}

package contract_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/contract"
)

// at is where the fakes are: not on this machine, so that requests are spaced.
var at = contract.Upstream{
	BaseURL: &url.URL{Scheme: "https", Host: "stackoverflow.example"},
	APIURL:  &url.URL{Scheme: "https", Host: "api.stackexchange.example", Path: "/2.3"},
}

// The probes, as the fakes distinguish them.
const (
	code        = "POST /oauth/access_token/json"
	client      = "GET /oauth"
	token       = "GET /2.3/access-tokens"
	headerToken = "GET /2.3/inbox with a header"
	queryToken  = "GET /2.3/inbox with a query"
)

func probeOf(r *http.Request) string {
	switch name := r.Method + " " + r.URL.Path; {
	case strings.HasPrefix(name, token):
		return token
	case r.Header.Get("Authorization") != "":
		return name + " with a header"
	case name == "GET /2.3/inbox":
		return name + " with a query"
	default:
		return name
	}
}

const (
	wrapper = `{"items":[],"has_more":false,"quota_max":300,"quota_remaining":299}`
	badCode = `{"error":{"type":"invalid_request","message":"no such code"}}`
)

func apiError(id int, name, message string) string {
	return fmt.Sprintf(`{"error_id":%d,"error_name":%q,"error_message":%q}`, id, name, message)
}

// fake is a Stack Exchange for which the built-in contract holds, except for
// what the handlers of some probes do. It is a transport.
type fake map[string]http.HandlerFunc

func answers(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func packed(status int, body string) http.HandlerFunc {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, body)
	_ = w.Close()
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		answers(status, b.String())(w, r)
	}
}

var healthy = fake{
	code:        answers(400, badCode),
	client:      html(200, "Application Login Failure"),
	token:       packed(200, wrapper),
	headerToken: packed(400, apiError(402, "invalid_access_token", "no such token")),
	queryToken:  answers(400, apiError(400, "bad_parameter", "send the token in a header")),
}

func html(status int, title string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<!doctype html><title>"+title+"</title>")
	}
}

func (f fake) RoundTrip(r *http.Request) (*http.Response, error) {
	name := probeOf(r)
	answer, ok := f[name]
	if !ok {
		answer = healthy[name]
	}
	if answer == nil {
		return nil, fmt.Errorf("there is no probe %s", name)
	}
	w := httptest.NewRecorder()
	answer(w, r)
	response := w.Result()
	response.Request = r
	return response, nil
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// over checks the built-in contract over a transport.
func over(t *testing.T, transport http.RoundTripper) contract.Report {
	t.Helper()
	up := at
	up.Transport = transport
	report := contract.Check(t.Context(), contract.BuiltIn(), up)
	if len(report.Findings) != len(contract.BuiltIn().Facts) {
		t.Fatalf("%d findings", len(report.Findings))
	}
	return report
}

// with lists the facts that have an outcome.
func with(report contract.Report, o contract.Outcome) string {
	var ids []string
	for _, f := range report.Findings {
		if f.Outcome == o {
			ids = append(ids, f.ID)
		}
	}
	return strings.Join(ids, " ")
}

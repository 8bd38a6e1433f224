package contract

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/secret"
)

// What the probes send. All of it is invented.
const (
	inventedClient   = "999999999"
	inventedCode     = "dss-contract-check"
	inventedToken    = "dssContractCheck000000))"
	inventedOrigin   = "https://dss-contract-check.invalid"
	inventedRedirect = inventedOrigin + "/callback"
)

// inventedVerifier is one of PKCE (RFC 7636 section 4.1).
var inventedVerifier = secret.New(strings.Repeat("dss-contract-check-", 3))

// probe is a request, and how to read its answer.
type probe struct {
	name     string
	api      bool     // it goes to the API
	features []string // what the answer can show
	request  func(*checker) (*http.Request, error)
	read     func(*checker, reply) (seen, error)
}

// seen is what an answer shows: the values of features.
type seen map[string]string

// probes are sent in this order. Some are read with what others have shown.
var probes = []probe{
	{"invented-code", false, []string{"status", "form", "cors"}, (*checker).redeem, readRedemption},
	{"unknown-client", false, []string{"status", "redirect"}, (*checker).authorize, readAuthorization},
	{"unknown-token", true, ofAPI, (*checker).inspect, readInspection},
	{"header-token", true, append(ofAPI, "token"), (*checker).inboxByHeader, readHeaderToken},
	{"query-token", true, append(ofAPI, "token"), (*checker).inboxByQuery, readQueryToken},
}

// ofAPI are the features of all answers of the API.
var ofAPI = []string{"answer", "error", "error-status", "wrapper"}

// shows reports whether a probe of this name can show the feature.
func shows(name, feature string) bool {
	return slices.ContainsFunc(probes, func(p probe) bool {
		return p.name == name && slices.Contains(p.features, feature)
	})
}

func (k *checker) redeem() (*http.Request, error) {
	form := url.Values{
		"client_id": {inventedClient}, "redirect_uri": {inventedRedirect},
		"code": {inventedCode}, "code_verifier": {inventedVerifier.Reveal()},
	}
	target := k.at.BaseURL.JoinPath("oauth/access_token/json").String()
	r, err := http.NewRequest(http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", inventedOrigin)
	return r, nil
}

func (k *checker) authorize() (*http.Request, error) {
	return get(k.at.BaseURL.JoinPath("oauth"), url.Values{
		"client_id": {inventedClient}, "redirect_uri": {inventedRedirect}, "state": {inventedCode},
		"code_challenge": {secret.S256(inventedVerifier)}, "code_challenge_method": {"S256"},
	})
}

func (k *checker) inspect() (*http.Request, error) {
	return get(k.at.APIURL.JoinPath("access-tokens", inventedToken), nil)
}

// The inbox needs a token, and no site.

func (k *checker) inboxByHeader() (*http.Request, error) {
	r, err := get(k.at.APIURL.JoinPath("inbox"), nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+inventedToken)
	return r, nil
}

func (k *checker) inboxByQuery() (*http.Request, error) {
	return get(k.at.APIURL.JoinPath("inbox"), url.Values{"access_token": {inventedToken}})
}

func get(target *url.URL, query url.Values) (*http.Request, error) {
	target.RawQuery = query.Encode()
	return http.NewRequest(http.MethodGet, target.String(), nil)
}

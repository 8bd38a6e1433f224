package httpapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/api"
)

// posts are the endpoints that apps post to, each with a body that is served
// and a name that it reads.
var posts = map[string]struct {
	body, reads string
	status      int
	error       string
}{
	api.PathOAuthToken:          {"grant_type=authorization_code&client_id=7&code=abc&code_verifier=x", "code", http.StatusBadRequest, api.InvalidGrant},
	api.PathDeviceAuthorization: {"client_id=7&scope=read_inbox", "scope", http.StatusOK, ""},
	api.PathRevoke:              {"client_id=7&token=a%2Fb", "token", http.StatusOK, ""},
}

// TestOAuthPosts: parameters that an endpoint reads stand in the body, once;
// others may be anything; and whoever fails to authenticate is challenged.
func TestOAuthPosts(t *testing.T) {
	const form = "application/x-www-form-urlencoded"
	l := newLimited(t, inMemory(), nil, "")
	for path, post := range posts {
		for name, c := range map[string]struct {
			query, body, contentType, authorization string
			error                                   string // "": as served
		}{
			"as it should be":             {body: post.body},
			"a query that nobody reads":   {query: "?client-request-id=1", body: post.body},
			"one that cannot be decoded":  {query: "?%zz=1&a;b=%zz&&=", body: post.body},
			"one that is repeated":        {query: "?x=1&x=2", body: post.body},
			"a name in the query":         {query: "?" + post.reads + "=abc", body: post.body, error: api.InvalidRequest},
			"a name in it, without value": {query: "?x&" + post.reads, body: post.body, error: api.InvalidRequest},
			"a name in it, encoded":       {query: "?%63lient_id=7", body: post.body, error: api.InvalidRequest},
			"a secret in the query":       {query: "?client_secret=s", body: post.body, error: api.InvalidRequest},
			"unknown parameters":          {body: post.body + "&resource=a&resource=b&x=%zz&a;b&%FF=%FF&response_type=code"},
			"a repeated one that is read": {body: post.body + "&" + post.reads + "=abc", error: api.InvalidRequest},
			"a repeated client_id":        {body: post.body + "&client_id=7", error: api.InvalidRequest},
			"a bad escape in what is read": {
				body: "client_id=7&" + post.reads + "=%zz", error: api.InvalidRequest,
			},
			"a semicolon in what is read": {body: "client_id=7;x&" + post.body, error: api.InvalidRequest},
			"an empty secret":             {body: post.body + "&client_secret="},
			"a secret":                    {body: post.body + "&client_secret=s", error: api.InvalidClient},
			"a charset":                   {body: post.body, contentType: form + "; charset=ISO-8859-1"},
			"another one":                 {body: post.body, contentType: form + `;charset="UTF-8"`},
			"a broken attribute":          {body: post.body, contentType: strings.ToUpper(form) + " ; charset"},
			"JSON":                        {body: `{"client_id":"7"}`, contentType: "application/json", error: api.InvalidRequest},
			"multipart":                   {body: "x", contentType: "multipart/form-data; boundary=x", error: api.InvalidRequest},
			"HTTP Basic":                  {body: post.body, authorization: "Basic Nzo="},
			"in other letters":            {body: post.body, authorization: "basic Nzo="},
			"another client's":            {body: post.body, authorization: "Basic ODo=", error: api.InvalidRequest},
			"with a secret":               {body: post.body, authorization: "Basic NzpzZWNyZXQ=", error: api.InvalidClient},
			"with none at all":            {body: post.body, authorization: "Basic", error: api.InvalidClient},
			"without a client":            {body: post.body, authorization: "Basic Og==", error: api.InvalidClient},
			"undecodable":                 {body: post.body, authorization: "Basic %%%", error: api.InvalidClient},
			"Bearer":                      {body: post.body, authorization: "Bearer abc", error: api.InvalidClient},
			"a secret in the body, too":   {body: post.body + "&client_secret=s", authorization: "Basic Nzo=", error: api.InvalidClient},
		} {
			t.Run(path+" "+name, func(t *testing.T) {
				header := []string{}
				if c.contentType != "" {
					header = append(header, "Content-Type", c.contentType)
				}
				if c.authorization != "" {
					header = append(header, "Authorization", c.authorization)
				}
				status, wantError, challenge := post.status, post.error, ""
				if c.error != "" {
					status, wantError = http.StatusBadRequest, c.error
				}
				if c.error == api.InvalidClient && c.authorization != "" {
					status, challenge = http.StatusUnauthorized, `Basic realm="DSS"`
				}
				w := l.from(alice, path+c.query, c.body, header...)
				var answer api.OAuthError
				if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
					t.Fatal(err)
				}
				if w.Code != status || answer.Error != wantError || w.Header().Get("WWW-Authenticate") != challenge {
					t.Errorf("%d %s, want %d %s; challenge %q", w.Code, w.Body, status, wantError, w.Header().Get("WWW-Authenticate"))
				}
				if answer.Error != "" && answer.Description == "" {
					t.Error("no sentence says what is wrong")
				}
			})
		}
	}
}

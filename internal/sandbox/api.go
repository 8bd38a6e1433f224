package sandbox

import (
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strconv"

	"github.com/desktop-stack-serv/dss/api"
)

const (
	quotaMax        = 10_000
	quotaWithoutKey = 300
)

// wrapper is what every answer of the API is in.
type wrapper struct {
	Items          []any `json:"items"`
	HasMore        bool  `json:"has_more"`
	Backoff        int   `json:"backoff,omitempty"`
	QuotaMax       int   `json:"quota_max"`
	QuotaRemaining int64 `json:"quota_remaining"`
}

// apiError is an error of the API. Its HTTP status is always 400.
type apiError struct {
	ID      int    `json:"error_id"`
	Name    string `json:"error_name"`
	Message string `json:"error_message"`
}

// The errors of the API.
var (
	errNoMethod      = &apiError{404, api.NoMethod, "no method found with this name"}
	errTokenRequired = &apiError{401, "access_token_required", "pass an access token: Authorization: Bearer …"}
	errKeyRequired   = &apiError{405, "key_required", "`key` is required when `access_token` is passed"}
	errNoScope       = &apiError{403, api.AccessDenied, "the access token lacks the scope that this method needs"}
	errManyTokens    = &apiError{400, "bad_parameter", "at most 20 access tokens"}
	errBadParams     = &apiError{400, "bad_parameter", "the parameters cannot be decoded, or one is given twice"}
)

// Guesses: that Stack Exchange refuses these is announced or documented, but nobody
// has published the answer. The sentences say so to whoever meets them here.
var (
	errInQuery = &apiError{400, "bad_parameter", "`key` and `access_token` are not accepted in the query any more, " +
		"since June 2026: send one of them as Authorization: Bearer, or both in the body of a POST" + guessed}
	errKeyExpired = &apiError{400, "bad_parameter", "`key` has expired: make a new one on Stack Apps, or leave it out" + guessed}
	errNoPost     = &apiError{407, "write_failed", "an application that writes must have a post on Stack Apps, " +
		"or be Read-write at Stack Internal" + guessed}
)

const guessed = " (the sandbox's own words: those of Stack Exchange are not known)"

// The answers for a token that is not valid.
var errDeadToken = map[string]*apiError{
	"402": {402, "invalid_access_token", "the access token is not valid"},
	"403": {403, api.AccessDenied, "`key` does not fit `access_token`, or the token does not exist"},
}

// writeAPI compresses whatever the client accepts, as Stack Exchange does.
func writeAPI(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Encoding", "gzip")
	w.WriteHeader(status)
	compressor := gzip.NewWriter(w)
	encoder := json.NewEncoder(compressor)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(body)
	_ = compressor.Close()
}

// call is a request to the API.
type call struct {
	*http.Request
	params  params // of the query and the form
	options options
	token   token     // the zero one if there is none
	dead    *apiError // if there is one that is not valid
}

// method serves one method of the API. Those that only read take a POST, too.
func (s *Sandbox) method(do func(call) ([]any, *apiError)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		if r.Method != http.MethodGet && r.Method != http.MethodPost {
			writeAPI(w, http.StatusBadRequest, errNoMethod)
			return
		}
		c, failed := s.newCall(w, r)
		if blocked(w, c.options) {
			return
		}
		if failed = cmp.Or(throttled[c.options[switchThrottle]], failed); failed != nil {
			writeAPI(w, http.StatusBadRequest, failed)
			return
		}
		items, failed := do(c)
		if failed != nil {
			writeAPI(w, http.StatusBadRequest, failed)
			return
		}
		writeAPI(w, http.StatusOK, s.wrap(items, c.options))
	}
}

// newCall reads a request and finds its token.
func (s *Sandbox) newCall(w http.ResponseWriter, r *http.Request) (c call, failed *apiError) {
	c.Request = r
	query, err := parseParams(r.URL.RawQuery)
	if err != nil {
		return c, errBadParams
	}
	var form params
	if r.Method == http.MethodPost {
		if form, err = formParams(w, r); err != nil && !errors.Is(err, errNotAForm) {
			return c, errBadParams
		}
	}
	c.params = maps.Clone(query)
	maps.Copy(c.params, form)
	if c.options, err = s.switches.of(c.params); err != nil {
		return c, &apiError{400, "bad_parameter", err.Error()}
	}
	given, failed := s.credentials(r, query, form)
	if failed == nil && s.registry.keyExpired(given.key, r) {
		failed = errKeyExpired
	}
	var ok bool
	if c.token, ok = s.ledger.find(given.token); !ok && given.token != "" {
		c.dead = errDeadToken[c.options[switchDeadTokens]]
	}
	return c, failed
}

func (s *Sandbox) wrap(items []any, o options) wrapper {
	a := wrapper{Items: items, QuotaMax: quotaMax, QuotaRemaining: max(0, quotaMax-s.queries.Add(1))}
	if o[switchQuota] == "minus_one" {
		a.QuotaMax, a.QuotaRemaining = quotaWithoutKey, -1
	}
	a.Backoff, _ = strconv.Atoi(o[switchBackoff])
	return a
}

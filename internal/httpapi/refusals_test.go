package httpapi_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
)

// says answers once, and then with a token.
type says struct {
	status int
	body   string
	calls  int
}

// RoundTrip implements [http.RoundTripper].
func (s *says) RoundTrip(*http.Request) (*http.Response, error) {
	status, body := s.status, s.body
	if s.calls++; s.calls > 1 {
		status, body = http.StatusOK, `{"access_token":"T","expires":86400}`
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

// TestRefusedOrNotYet: a code that Stack Exchange refuses is gone, in whatever
// form it says so, and one that it has no answer for can be exchanged later.
func TestRefusedOrNotYet(t *testing.T) {
	for body, want := range map[string]struct {
		status int
		gone   bool
	}{
		`{"error":{"type":"invalid_request","message":"No authorization code found"}}`:                                                                  {400, true},
		`{"error":{"type":"2","message":"redirect_uri does not match"}}`:                                                                                {400, true},
		`{"error_message":"The passed code has expired"}`:                                                                                               {400, true},
		`{"error":"invalid_grant","error_description":"no"}`:                                                                                            {400, true},
		`{"error_id":502,"error_name":"throttle_violation","error_message":"too many requests from this IP, more requests available in 46472 seconds"}`: {400, false},
		`{"error_id":502,"error_name":"throttle_violation","error_message":"Violation of backoff parameter"}`:                                           {400, false},
		`<html><h1>Bad Request</h1></html>`:                                                                                                             {400, false},
		`<html><h1>Error 1015</h1></html>`:                                                                                                              {403, false},
		`{"error_id":403,"error_message":"blocked"}`:                                                                                                    {403, false},
		`<html><title>Too Many Requests</title></html>`:                                                                                                 {429, false},
		`<html><title>Offline for maintenance</title></html>`:                                                                                           {200, false},
	} {
		t.Run(body, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := &says{status: want.status, body: body}
				l := newLimited(t, inMemory(), defaults(), "", u)
				exchange := l.upToToken(alice, "code")
				first, second := exchange(), exchange()
				if want.gone && (first.Code != http.StatusBadRequest || !strings.Contains(first.Body.String(), `"invalid_grant"`) || u.calls != 1) {
					t.Errorf("%d %s, %d calls", first.Code, first.Body, u.calls)
				}
				if !want.gone && (first.Code != http.StatusServiceUnavailable || second.Code != http.StatusOK || u.calls != 2) {
					t.Errorf("%d %s, then %d %s, %d calls", first.Code, first.Body, second.Code, second.Body, u.calls)
				}
			})
		})
	}
}

package contract_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode"

	"github.com/desktop-stack-serv/dss/internal/contract"
)

// FuzzAnswers: an answer that is not a JSON object never makes a changed fact,
// and nothing that an answer has can steer a terminal.
func FuzzAnswers(f *testing.F) {
	f.Add(400, "", badCode)
	f.Add(200, "", wrapper)
	f.Add(400, "", apiError(402, "invalid_access_token", "no\x1b[2J"))
	f.Add(400, "gzip", badCode)
	f.Add(302, "", `{"error":{}}`)
	f.Add(400, "", `{"error\u001b[2J":1,"backoff":1e9}`)
	f.Add(403, "deflate", "<!doctype html>")
	here := &url.URL{Scheme: "http", Host: "localhost"} // where requests are not spaced
	f.Fuzz(func(t *testing.T, status int, encoding, body string) {
		report := contract.Check(t.Context(), contract.BuiltIn(), contract.Upstream{
			BaseURL: here, APIURL: here,
			Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				header := http.Header{"Content-Encoding": {encoding}, "Location": {body}}
				return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
			}),
		})
		var object map[string]any
		plain := encoding == "" && !strings.HasPrefix(body, "\x1f\x8b") // or it is unpacked
		if plain && json.Unmarshal([]byte(body), &object) != nil && report.Outcome != contract.Unreachable {
			t.Errorf("%d %q: %s", status, body, report.Outcome)
		}
		for _, finding := range report.Findings {
			if strings.ContainsFunc(finding.String(), unicode.IsControl) {
				t.Errorf("%q", finding.String())
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(head + known + `]}`)
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := contract.Parse([]byte(text)); (c == nil) == (err == nil) {
			t.Errorf("%q: both or neither of %v and %v", text, c, err)
		}
	})
}

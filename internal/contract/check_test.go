package contract_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/internal/contract"
	"github.com/desktop-stack-serv/dss/internal/sandbox"
)

// TestHolds: five requests, spaced, with nothing real in them, and unknown facts
// are only recorded.
func TestHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		began := time.Now()
		report := over(t, roundTrip(func(r *http.Request) (*http.Response, error) {
			asked = append(asked, probeOf(r))
			if sent := r.Header.Get("Authorization"); sent != "" && sent != "Bearer dssContractCheck000000))" {
				t.Errorf("a credential: %s", sent)
			}
			if r.Header.Get("Cookie") != "" || !strings.HasPrefix(r.Header.Get("User-Agent"), "dss ") {
				t.Errorf("headers: %v", r.Header)
			}
			return healthy.RoundTrip(r)
		}))
		if report.Outcome != contract.Holds || with(report, contract.Changed)+with(report, contract.Unreachable) != "" {
			t.Errorf("%v", report.Findings)
		}
		if with(report, contract.Unknown) != "token-cors unknown-client-status query-token-error" {
			t.Errorf("unknown: %s", with(report, contract.Unknown))
		}
		if len(asked) != 5 || time.Since(began) != 4*time.Second {
			t.Errorf("%q in %v", asked, time.Since(began))
		}
	})
}

func redirect(target string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target, http.StatusFound) }
}

// TestNamesTheDifference changes one thing of Stack Exchange at a time.
func TestNamesTheDifference(t *testing.T) {
	for name, c := range map[string]struct {
		probe  string
		answer http.HandlerFunc
		want   string // the facts that change
	}{
		"another status of a refusal": {code, answers(401, badCode), "token-error-status"},
		"a number for the type":       {code, answers(400, `{"error":{"type":"2","message":"no"}}`), ""},
		"a flat refusal":              {code, answers(400, `{"error_message":"No authorization code found"}`), ""},
		"a refusal by OAuth":          {code, answers(400, `{"error":"invalid_grant"}`), "token-error-form"},
		"a refusal by the API":        {code, answers(400, apiError(400, "bad_parameter", "code")), "token-error-form"},
		"a refusal of another form":   {code, answers(400, `{"errors":["no such code"]}`), "token-error-form"},
		"a token for nothing":         {code, answers(200, `{"access_token":"x"}`), "token-error-status token-error-form"},
		"other CORS": {code, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Access-Control-Allow-Origin", "*")
			answers(400, badCode)(w, r)
		}, ""},
		"an unknown client comes back": {
			client, redirect("https://dss-contract-check.invalid/callback?error=x"), "unknown-client-stays",
		},
		"an unknown client has to log in": {client, redirect("/users/login?returnurl=x"), ""},
		"an unknown client gets a 404":    {client, html(404, "no"), ""},
		"an error for an unknown token":   {token, answers(400, apiError(402, "invalid_access_token", "no")), "unknown-token"},
		"items for an unknown token":      {token, answers(200, strings.Replace(wrapper, "[]", "[{}]", 1)), "unknown-token"},
		"no quota":                        {token, answers(200, `{"items":[],"has_more":false}`), "api-wrapper"},
		"a header that is ignored":        {headerToken, answers(400, apiError(401, "access_token_required", "no")), "header-token"},
		"a header that needs a key":       {headerToken, answers(400, apiError(405, "key_required", "no")), "header-token"},
		"a header that is denied":         {headerToken, answers(400, apiError(403, "access_denied", "no")), ""},
		"a header that is accepted":       {headerToken, answers(200, wrapper), "header-token"},
		"another status of an error":      {headerToken, answers(401, apiError(402, "invalid_access_token", "no")), "api-error-status"},
		"an error without a name":         {headerToken, answers(400, `{"error_id":402,"error_message":"no"}`), "api-error-form"},
		"a query that is read":            {queryToken, answers(400, apiError(402, "invalid_access_token", "no such token")), "query-token"},
		"a query that needs a key":        {queryToken, answers(400, apiError(405, "key_required", "no")), "query-token"},
		"a query that is accepted":        {queryToken, answers(200, wrapper), "query-token"},
		"a query that is ignored":         {queryToken, answers(400, apiError(401, "access_token_required", "no")), ""},
		"a query with a refusal of its own": {
			queryToken, answers(400, apiError(403, "access_denied", "use the header Authorization")), "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				report := over(t, fake{c.probe: c.answer})
				want := contract.Holds
				if c.want != "" {
					want = contract.Changed
				}
				if report.Outcome != want || with(report, contract.Changed) != c.want {
					t.Errorf("%s, changed: %s; want %s, %s", report.Outcome, with(report, contract.Changed), want, c.want)
				}
			})
		})
	}
}

// TestPauses: the API's backoff is waited for if it is short, and ends the check
// of the API if it is long.
func TestPauses(t *testing.T) {
	for backoff, want := range map[string]struct {
		outcome contract.Outcome
		took    time.Duration
	}{
		"3":      {contract.Holds, 6 * time.Second},
		`"3"`:    {contract.Holds, 6 * time.Second},
		"0.5":    {contract.Holds, 4 * time.Second},
		`"a"`:    {contract.Holds, 4 * time.Second},
		"-1e300": {contract.Holds, 4 * time.Second},
		"60":     {contract.Unreachable, 2 * time.Second},
		"1e300":  {contract.Unreachable, 2 * time.Second},
	} {
		t.Run(backoff, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				report := over(t, fake{token: answers(200, strings.Replace(wrapper, "{", `{"backoff":`+backoff+",", 1))})
				if report.Outcome != want.outcome || time.Since(began) != want.took {
					t.Errorf("%s after %v, want %+v", report.Outcome, time.Since(began), want)
				}
				if want.outcome == contract.Unreachable && !strings.Contains(report.Findings[7].Reason, "asks for a pause of 1") &&
					!strings.Contains(report.Findings[7].Reason, "1h0m0s") {
					t.Errorf("%+v", report.Findings[7])
				}
			})
		})
	}
}

// TestEras: the contract holds for the sandbox of this year, and names what is
// different in that of the year before.
func TestEras(t *testing.T) {
	for era, want := range map[sandbox.Era]string{sandbox.Era2026: "", sandbox.Era2025: "query-token"} {
		for _, nasty := range []bool{false, true} {
			fake := sandbox.New(sandbox.Config{Era: era, Nasty: nasty})
			at := &url.URL{Scheme: "http", Host: "localhost", Path: "/sandbox"}
			report := contract.Check(t.Context(), contract.BuiltIn(),
				contract.Upstream{BaseURL: at, APIURL: at.JoinPath("2.3"), Transport: fake})
			if with(report, contract.Changed) != want || report.Count(contract.Unreachable) != 0 {
				t.Errorf("era %s, nasty %t: %v", era, nasty, report.Findings)
			}
		}
	}
}

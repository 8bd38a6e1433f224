package stackexchange_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

// The forms of answers that were seen, or that documents of Stack Exchange allow.
// Where one was recorded in public, its row says where.

func redeem(ctx context.Context, c *stackexchange.Client) (stackexchange.Token, error) {
	return c.Redeem(ctx, redemption(secret.New(canaryCode)))
}

func TestFormsOfATokenAnswer(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	tomorrow := func(scope string) string { return `{"access_token":"T","expires":1795953600` + scope + `}` }
	for name, c := range map[string]struct {
		body  string
		life  time.Duration
		scope string // "-" if none is said
	}{
		"documents: /json":                     {`{"access_token":"T","expires":86400}`, day, "-"},
		"documents: no_expiry":                 {`{"access_token":"T"}`, 0, "-"},
		"documents: not /json":                 {"access_token=T&expires=86400", day, "-"},
		"not /json, no_expiry, a line":         {"access_token=T\r\n", 0, "-"},
		"stackapps.com/q/6530: 86399":          {`{"access_token":"T","expires":86399}`, day - time.Second, "-"},
		"expires as a string":                  {`{"access_token":"T","expires":"86399"}`, day - time.Second, "-"},
		"expires as a float":                   {`{"access_token":"T","expires":86400.0}`, day, "-"},
		"StackOverflowSDK: a point in time":    {tomorrow(""), day, "-"},
		"a point in time, as a string":         {`{"access_token":"T","expires":"1795953600"}`, day, "-"},
		"a point in time that has passed":      {`{"access_token":"T","expires":1795867199}`, 0, "-"},
		"a hundred years":                      {`{"access_token":"T","expires":3153600000}`, 36500 * day, "-"},
		"OAuth: expires_in":                    {`{"access_token":"T","token_type":"bearer","expires_in":3600}`, time.Hour, "-"},
		"both":                                 {`{"access_token":"T","expires":60,"expires_in":3600}`, time.Minute, "-"},
		"null and expires_in":                  {`{"access_token":"T","expires":null,"expires_in":"3600"}`, time.Hour, "-"},
		"a scope":                              {tomorrow(`,"scope":"read_inbox"`), day, "read_inbox"},
		"scopes with commas":                   {tomorrow(`,"scope":"read_inbox,write_access"`), day, "read_inbox,write_access"},
		"scopes with spaces":                   {tomorrow(`,"scope":"read_inbox write_access"`), day, "read_inbox write_access"},
		"scopes in a list":                     {tomorrow(`,"scope":["read_inbox","write_access"]`), day, "-"},
		"no scopes":                            {tomorrow(`,"scope":""`), day, ""},
		"null as scope":                        {tomorrow(`,"scope":null`), day, "-"},
		"a scope that makes no sense":          {tomorrow(`,"scope":{"a":1}`), day, "-"},
		"form data with a scope":               {"scope=read_inbox%20no_expiry&access_token=T", 0, "read_inbox no_expiry"},
		"members that nobody knows":            {tomorrow(`,"refresh_token":null,"user":{"id":[1]},"account_id":7`), day, "-"},
		"a byte order mark":                    {"\ufeff" + `{"access_token":"T","expires":86400}`, day, "-"},
		"JSONP":                                {`/**/callback({"access_token":"T","expires":86400});`, day, "-"},
		"the wrapper of the API":               {`{"items":[{"access_token":"T","expires":86400}],"has_more":false,"quota_max":300,"quota_remaining":-1}`, day, "-"},
		"the wrapper in JSONP, with a backoff": {`x.y({"items":[{"access_token":"T","expires":60}],"backoff":10})`, time.Minute, "-"},
	} {
		t.Run(name, func(t *testing.T) {
			client := clientOf(t, "http://upstream.invalid", roundTrip(func(*http.Request) (*http.Response, error) {
				r := response(200, c.body)
				r.Header.Set("Content-Type", "text/plain; charset=utf-8")
				r.Header.Set("Date", now.Format(http.TimeFormat))
				return r, nil
			}))
			token, err := redeem(t.Context(), client)
			if err != nil {
				t.Fatal(err)
			}
			scope := "-"
			if token.Scope != nil {
				scope = *token.Scope
			}
			if token.AccessToken.Reveal() != "T" || token.Expires != c.life || scope != c.scope {
				t.Errorf("%q for %v with %q, want %v, %q", token.AccessToken.Reveal(), token.Expires, scope, c.life, c.scope)
			}
		})
	}
}

// TestAPointInTimeByOurClock: an answer may have no date.
func TestAPointInTimeByOurClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // it is the year 2000
		token, err := redeem(t.Context(), scripted(t, 200, `{"access_token":"T","expires":1000000060}`))
		if want := time.Until(time.Unix(1_000_000_060, 0)); err != nil || token.Expires != want {
			t.Errorf("%v, %v; want %v", token.Expires, err, want)
		}
	})
}

// TestFinalErrors are about the code, or about how the app is registered: to ask
// again is no use.
func TestFinalErrors(t *testing.T) {
	const invalid = "invalid_request"
	for name, c := range map[string]struct {
		status              int
		body, kind, message string
	}{
		"js-client-oauth2 issue 60":        {400, `{"error":{"type":"invalid_request","message":"client_id not provided"}}`, invalid, "client_id not provided"},
		"omniauth-stackexchange issue 7":   {400, `{"error":{"type":"2","message":"redirect_uri does not match the uri used to create the passed code"}}`, invalid, "redirect_uri does not match the uri used to create the passed code"},
		"the type as a number":             {400, `{"error":{"type":2,"message":"no"}}`, invalid, "no"},
		"no type":                          {400, `{"error":{"message":"no"}}`, invalid, "no"},
		"soe_token_generator: expired":     {400, `{"error_message":"The passed code has expired"}`, invalid, "The passed code has expired"},
		"soe_token_generator: used":        {400, `{"error_message":"No authorization code found"}`, invalid, "No authorization code found"},
		"flat, with a name":                {400, `{"error_id":400,"error_name":"bad_parameter","error_message":"client_id"}`, "bad_parameter", "client_id"},
		"HTML in the text":                 {400, `{"error_message":"&#39;code&#39; isn&#39;t &lt;good&gt;"}`, invalid, "'code' isn't <good>"},
		"RFC 6749":                         {400, `{"error":"invalid_grant","error_description":"no"}`, "invalid_grant", "no"},
		"RFC 6749, unauthorized":           {401, `{"error":"invalid_client"}`, "invalid_client", ""},
		"as form data":                     {400, "error=invalid_grant&error_description=no+such+code", "invalid_grant", "no such code"},
		"members that nobody knows":        {400, `{"error":{"type":"invalid_request","message":"no","code":[1]},"x":{}}`, invalid, "no"},
		"JSONP, whose status is 200":       {200, `callback({"error":{"type":"invalid_request","message":"no"}})`, invalid, "no"},
		"flat, in JSONP":                   {200, `callback({"error_message":"No authorization code found"});`, invalid, "No authorization code found"},
		"a code that is echoed as HTML":    {400, `{"error_message":"no code canaryCODE&#40;x*1&#x29;&rpar;"}`, invalid, "no code [redacted]"},
		"a control character as HTML":      {400, `{"error_message":"a&#27;[31m&#8238;b"}`, invalid, "a[31mb"},
		"a message that is no string":      {400, `{"error":{"type":"invalid_request","message":7}}`, invalid, ""},
		"an app that is not registered so": {400, `{"error":{"type":"unauthorized_client","message":"PKCE is not enabled"}}`, "unauthorized_client", "PKCE is not enabled"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := redeem(t.Context(), scripted(t, c.status, c.body))
			if got := checkRefused(t, err); got.Status != c.status || got.Type != c.kind || got.Message != c.message {
				t.Errorf("%+v", got)
			}
		})
	}
}

const (
	quotaUsedUp = `{"error_id":502,"error_message":"too many requests from this IP, more requests available in 1742 seconds","error_name":"throttle_violation"}`
	cloudflare  = `<!DOCTYPE html><html><head><title>Access denied | api.stackexchange.com used Cloudflare to restrict access</title></head>` +
		`<body><h1><span>Error</span> <span>1015</span></h1><h2>You are being rate limited</h2></body></html>`
)

// outages are answers of every method that say nothing of the code or the token.
var outages = map[string]struct {
	status     int
	body       string
	want       int // of HTTP, 429 for too many requests
	retryAfter time.Duration
}{
	"a used-up quota":                           {400, quotaUsedUp, 429, 1742 * time.Second},
	"a used-up quota, for longer":               {400, `{"error_id":502,"error_name":"throttle_violation","error_message":"too many requests from this IP, more requests available in 46472 seconds"}`, 429, 46472 * time.Second},
	"Py-StackExchange issue 48: no number":      {400, `{"error_id":502,"error_message":"Violation of backoff parameter","error_name":"throttle_violation"}`, 429, 0},
	"a used-up quota in JSONP":                  {200, "callback(" + quotaUsedUp + ")", 429, 1742 * time.Second},
	"a backoff with it":                         {400, `{"error_id":502,"error_message":"too many requests","backoff":9}`, 429, 9 * time.Second},
	"a number out of range":                     {400, `{"error_id":502,"error_message":"available in 99999999999999999999 seconds"}`, 429, 0},
	"the name alone":                            {400, `{"error_name":"throttle_violation","error_message":"no"}`, 429, 0},
	"in another form":                           {400, `{"error":{"type":"invalid_request","message":"Too many requests"}}`, 429, 0},
	"an internal error":                         {400, `{"error_id":500,"error_name":"internal_error","error_message":"oops"}`, 400, 0},
	"documents: temporarily_unavailable":        {400, `{"error_id":503,"error_name":"temporarily_unavailable","error_message":"no"}`, 400, 0},
	"RFC 6749 section 4.1.2.1":                  {400, `{"error":"temporarily_unavailable"}`, 400, 0},
	"RFC 6749, a server error":                  {400, `{"error":"server_error","error_description":"no"}`, 400, 0},
	"a real 502":                                {502, `<html><h1>502 Bad Gateway</h1></html>`, 502, 0},
	"a real 503":                                {503, `{"error_message":"No authorization code found"}`, 503, 0},
	"Cloudflare, 429":                           {429, cloudflare, 429, 0},
	"Cloudflare, 403":                           {403, cloudflare, 429, 0},
	"Cloudflare, 403, for programs":             {403, "error code: 1015", 429, 0},
	"Cloudflare, 403, a challenge":              {403, `<html><title>Just a moment...</title></html>`, 403, 0},
	"Cloudflare, JSON":                          {403, `{"title":"Error 1015: You are being rate limited","status":429,"error_name":"rate_limited","error_code":1015}`, 429, 0},
	"Cloudflare, a block in JSON":               {403, `{"title":"Error 1020: Access denied","error_name":"access_denied","error_code":1020}`, 403, 0},
	"Stack Exchange's own page":                 {429, `<html><title>Too Many Requests - Stack Exchange</title></html>`, 429, 0},
	"a page with the status of an error":        {400, `<html><h1>Bad Request</h1></html>`, 400, 0},
	"a page of maintenance":                     {200, `<html><h1>Offline for maintenance</h1></html>`, 200, 0},
	"a page that is called like a function":     {200, `maintenance(soon)`, 200, 0},
	"a page of a proxy":                         {401, `<html>log in to the network</html>`, 401, 0},
	"nothing":                                   {200, ``, 200, 0},
	"nothing, with the status of an error":      {400, ``, 400, 0},
	"form data that says nothing":               {400, `a=b`, 400, 0},
	"a page that looks like form data":          {403, `access=<b>denied</b>`, 403, 0},
	"a token, with the status of an error page": {404, `{"access_token":"T","items":[]}`, 404, 0},
}

// TestOutagesInWords: none of them ends a sign-in or a token, and none pauses the
// calls for others.
func TestOutagesInWords(t *testing.T) {
	for name, c := range outages {
		for method, call := range methods {
			t.Run(name+"/"+method, func(t *testing.T) {
				client := scripted(t, c.status, c.body)
				err := call(t.Context(), client)
				checkUnavailable(t, err)
				got, ok := errors.AsType[*stackexchange.AnswerError](err)
				if !ok || got.Status != c.want || got.RetryAfter != c.retryAfter {
					t.Errorf("%+v, want status %d after %v", err, c.want, c.retryAfter)
				}
				paused := c.retryAfter == 9*time.Second // a backoff
				for _, m := range []stackexchange.Method{stackexchange.MethodRedeem, stackexchange.MethodInvalidate} {
					if client.Paused(m) != 0 && (!paused || string(m) != method) {
						t.Errorf("%s is paused for %v", m, client.Paused(m))
					}
				}
			})
		}
	}
}

// TestDeadTokens: what says that a token is not valid, and what does not.
func TestDeadTokens(t *testing.T) {
	const (
		dead    = "dead"
		refused = "refused"
	)
	for name, c := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"documents: no items":                   {200, `{"items":[],"has_more":false,"quota_max":300,"quota_remaining":-1}`, dead},
		"documents: 402":                        {400, `{"error_id":402,"error_name":"invalid_access_token","error_message":"` + "`access_token`" + ` is not valid"}`, dead},
		"sox issue 367":                         {400, `{"error_id":403,"error_name":"access_denied","error_message":"` + "`key` is not valid for passed `access_token`, token not found." + `"}`, dead},
		"token not found (does not exist)":      {400, `{"error_id":403,"error_name":"access_denied","error_message":"` + "`key` is not valid for passed `access_token`, token not found (does not exist)." + `"}`, dead},
		"Charcoal-SE/userscripts":               {400, `{"error_id":403,"error_name":"access_denied","error_message":"` + "`key` is not valid for passed `access_token`, application did not create token." + `"}`, dead},
		"403, with the status, about the token": {403, `{"error_id":403,"error_name":"access_denied","error_message":"` + "`access_token`" + ` does not exist"}`, dead},
		"402, with a status of its own":         {401, `{"error_id":402,"error_name":"invalid_access_token"}`, dead},
		"Py-StackExchange issue 50":             {400, `{"error_id":406,"error_name":"access_token_compromised","error_message":"Access token sent over non-HTTPS request, it has been invalidated"}`, dead},
		"402 in JSONP":                          {200, `callback({"error_id":402,"error_name":"invalid_access_token"})`, dead},
		"403 in JSONP":                          {200, `callback({"error_id":403,"error_name":"access_denied"})`, dead},
		"403, about the address":                {400, `{"error_id":403,"error_name":"access_denied","error_message":"this IP is blocked"}`, refused},
		"403, with the status":                  {403, `{"error_id":403,"error_name":"access_denied","error_message":"no"}`, refused},
		"stackapi issue 40":                     {400, `{"error_id":405,"error_name":"key_required","error_message":"` + "`key` is required when `access_token` is passed." + `"}`, refused},
		"the query refused":                     {400, `{"error_id":400,"error_name":"bad_parameter","error_message":"pass credentials in the Authorization header"}`, refused},
		"documents: 404":                        {400, `{"error_id":404,"error_name":"no_method"}`, refused},
	} {
		t.Run(name, func(t *testing.T) {
			client := scripted(t, c.status, c.body)
			_, alive, first := client.Inspect(t.Context(), secret.New(canaryToken))
			ended, second := client.Invalidate(t.Context(), secret.New(canaryToken))
			if alive || ended {
				t.Errorf("alive %v, ended %v", alive, ended)
			}
			for _, err := range []error{first, second} {
				if c.want == refused {
					checkRefused(t, err)
				} else if err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestFormsOfATokensDescription(t *testing.T) {
	for name, item := range map[string]string{
		"documents":         `{"access_token":"T","account_id":123,"expires_on_date":1753700932,"scope":["write_access","no_expiry"]}`,
		"strings":           `{"account_id":"123","expires_on_date":"1753700932","scope":"write_access no_expiry"}`,
		"commas":            `{"account_id":123.0,"expires_on_date":1.753700932e9,"scope":"write_access,no_expiry"}`,
		"members not known": `{"account_id":123,"expires_on_date":1753700932,"scope":["write_access","no_expiry"],"app":{"id":[1]}}`,
	} {
		for form, body := range map[string]string{
			"plain": `{"items":[` + item + `],"has_more":false,"quota_max":10000,"quota_remaining":9974}`,
			"JSONP": `callback({"items":[` + item + `]});`,
		} {
			t.Run(name+"/"+form, func(t *testing.T) {
				info, ok, err := scripted(t, 200, body).Inspect(t.Context(), secret.New(canaryToken))
				if err != nil || !ok || info.AccountID != 123 || info.Expires.Unix() != 1753700932 || len(info.Scopes) != 2 || info.Scopes[1] != "no_expiry" {
					t.Errorf("%+v, %v, %v", info, ok, err)
				}
			})
		}
	}
	info, ok, err := scripted(t, 200, `{"items":[{"account_id":123}]}`).Inspect(t.Context(), secret.New(canaryToken))
	if err != nil || !ok || !info.Expires.IsZero() || len(info.Scopes) != 0 {
		t.Errorf("neither expiry nor scopes: %+v, %v, %v", info, ok, err)
	}
	_, _, err = scripted(t, 200, `{"items":[{"account_id":123,"expires_on_date":"soon"}]}`).Inspect(t.Context(), secret.New(canaryToken))
	checkUnavailable(t, err)
}

package stackexchange_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

func TestRedeem(t *testing.T) {
	u := newUpstream(t)
	const life = 86399 * time.Second // so the sandbox of tests says
	for scope, want := range map[string]time.Duration{"": life, "read_inbox": life, "no_expiry": 0} {
		token, err := u.Redeem(t.Context(), redemption(u.code(t, scope)))
		if err != nil || token.Expires != want {
			t.Fatalf("scope %q: expires %v, %v; want %v", scope, token.Expires, err, want)
		}
		if !u.accepts(t, token.AccessToken) {
			t.Errorf("scope %q: the API refuses the token", scope)
		}
	}
}

func TestRedeemIsRefused(t *testing.T) {
	u := newUpstream(t)
	used := redemption(u.code(t, ""))
	if _, err := u.Redeem(t.Context(), used); err != nil {
		t.Fatal(err)
	}
	wrong := redemption(u.code(t, ""))
	wrong.Verifier = secret.New(strings.Repeat("x", 43))
	elsewhere := redemption(u.code(t, ""))
	elsewhere.RedirectURI += "/"
	for name, r := range map[string]stackexchange.Redemption{
		"wrong verifier": wrong, "used code": used, "another redirect URI": elsewhere, "nothing": {},
	} {
		t.Run(name, func(t *testing.T) {
			token, err := u.Redeem(t.Context(), r)
			if refused := checkRefused(t, err); refused.Type != "invalid_request" || refused.Message == "" {
				t.Errorf("%+v", refused)
			}
			if !token.AccessToken.IsZero() {
				t.Error("there is a token all the same")
			}
		})
	}
}

func TestRedeemSendsNoSecretOfTheClient(t *testing.T) {
	var form string
	c := clientOf(t, "http://upstream.invalid", roundTrip(func(r *http.Request) (*http.Response, error) {
		err := r.ParseForm()
		form = r.PostForm.Encode()
		if r.Method != http.MethodPost || r.URL.RawQuery != "" || r.Header.Get("Authorization") != "" {
			t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
		}
		return response(200, `{"access_token":"t"}`), err
	}))
	if _, err := c.Redeem(t.Context(), redemption(secret.New("c"))); err != nil {
		t.Fatal(err)
	}
	const want = "client_id=7&code=c&code_verifier=" + verifier + "&redirect_uri=https%3A%2F%2Flogin.example.com%2Fauth%2Fredirect"
	if form != want {
		t.Errorf("form %s, want %s", form, want)
	}
}

func TestRedemptionAnswers(t *testing.T) {
	const (
		good        = "token"
		refused     = "refused"
		unavailable = "unavailable"
	)
	for name, tt := range map[string]struct {
		status  int
		body    string
		want    string
		expires time.Duration
	}{
		"plain":                 {200, `{"access_token":"t))","expires":60}`, good, time.Minute},
		"more members":          {200, `{"x":[{}],"access_token":"t"}`, good, 0},
		"a string of digits":    {200, `{"access_token":"t","expires":"60"}`, good, time.Minute},
		"null expires":          {200, `{"access_token":"t","expires":null}`, good, 0},
		"the longest token":     {200, `{"access_token":"` + strings.Repeat("t", 4096) + `"}`, good, 0},
		"too long a token":      {200, `{"access_token":"` + strings.Repeat("t", 4097) + `"}`, unavailable, 0},
		"no token":              {200, `{"expires":60}`, unavailable, 0},
		"empty token":           {200, `{"access_token":""}`, unavailable, 0},
		"a token with a space":  {200, `{"access_token":"a b"}`, unavailable, 0},
		"a token with a line":   {200, `{"access_token":"a\nb"}`, unavailable, 0},
		"a token in Unicode":    {200, `{"access_token":"ä"}`, unavailable, 0},
		"a token of no string":  {200, `{"access_token":7}`, unavailable, 0},
		"another case":          {200, `{"Access_Token":"t"}`, unavailable, 0},
		"negative":              {200, `{"access_token":"t","expires":-1}`, unavailable, 0},
		"negative string":       {200, `{"access_token":"t","expires":"-1"}`, unavailable, 0},
		"a fraction":            {200, `{"access_token":"t","expires":1.5}`, unavailable, 0},
		"words":                 {200, `{"access_token":"t","expires":"soon"}`, unavailable, 0},
		"an empty string":       {200, `{"access_token":"t","expires":""}`, unavailable, 0},
		"forever and a day":     {200, `{"access_token":"t","expires":9223372037}`, unavailable, 0},
		"a list":                {200, `[]`, unavailable, 0},
		"null":                  {200, `null`, unavailable, 0},
		"nothing":               {200, ``, unavailable, 0},
		"two values":            {200, `{"access_token":"t"}{}`, unavailable, 0},
		"form data":             {200, `access_token=t`, good, 0},
		"form data, twice":      {200, `access_token=t&access_token=u`, unavailable, 0},
		"form data, broken":     {200, `access_token=%zz`, unavailable, 0},
		"201":                   {201, `{"access_token":"t"}`, unavailable, 0},
		"nested":                {400, `{"error":{"type":"invalid_request","message":"no"}}`, refused, 0},
		"flat":                  {400, `{"error":"invalid_grant","error_description":"no"}`, refused, 0},
		"nested, 401":           {401, `{"error":{"type":"invalid_client"}}`, refused, 0},
		"flat, 403":             {403, `{"error":"access_denied"}`, refused, 0},
		"empty error":           {400, `{"error":{}}`, unavailable, 0},
		"400 without an error":  {400, `{}`, unavailable, 0},
		"400 in HTML":           {400, `<html>`, unavailable, 0},
		"403 in HTML":           {403, `<html>`, unavailable, 0},
		"404 with an error":     {404, `{"error":"x"}`, unavailable, 0},
		"429 with an error":     {429, `{"error":"x"}`, unavailable, 0},
		"503 with an error":     {503, `{"error":{"type":"x"}}`, unavailable, 0},
		"500 with a token":      {500, `{"access_token":"t"}`, unavailable, 0},
		"302 with a token":      {302, `{"access_token":"t"}`, unavailable, 0},
		"64 KiB":                {200, `{"access_token":"t"}` + strings.Repeat(" ", 64<<10-20), good, 0},
		"a byte more":           {200, `{"access_token":"t"}` + strings.Repeat(" ", 64<<10-19), unavailable, 0},
		"the code echoed":       {400, `{"error":{"type":"x","message":"bad ` + canaryCode + `!"}}`, refused, 0},
		"echoed upper-case":     {400, `{"error":"` + strings.ToUpper(canaryCode) + `"}`, refused, 0},
		"echoed percent-coded":  {400, `{"error":"canaryCODE%28x%2a1%29%29"}`, refused, 0},
		"echoed in two halves":  {400, `{"error":"canary\u0000CODE(x*1))"}`, refused, 0},
		"the verifier echoed":   {400, `{"error":"x","error_description":"` + verifier + `"}`, refused, 0},
		"echoed across the cut": {400, `{"error":"` + strings.Repeat("x", 190) + canaryCode + `"}`, refused, 0},
	} {
		t.Run(name, func(t *testing.T) {
			token, err := scripted(t, tt.status, tt.body).Redeem(t.Context(), redemption(secret.New(canaryCode)))
			checkSilent(t, err)
			got := good
			if errors.Is(err, stackexchange.ErrUnavailable) {
				got = unavailable
			} else if err != nil {
				got = refused
				checkRefused(t, err)
			}
			if got != tt.want || token.Expires != tt.expires || token.AccessToken.IsZero() != (tt.want != good) {
				t.Errorf("%s (%v), expires %v; want %s, %v", got, err, token.Expires, tt.want, tt.expires)
			}
		})
	}
}

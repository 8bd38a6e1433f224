package stackexchange_test

import (
	"context"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

// TestCredentialsAreNeverInAQuery calls every method of the client that takes a
// context, so that one that is added is tested too.
func TestCredentialsAreNeverInAQuery(t *testing.T) {
	requests := 0
	client := reflect.ValueOf(clientOf(t, "http://upstream.invalid", roundTrip(func(r *http.Request) (*http.Response, error) {
		requests++
		checkCredentials(t, r)
		return response(200, `{"access_token":"t","items":[{"account_id":7}]}`), nil
	})))
	for i := range client.NumMethod() {
		method, name := client.Method(i), client.Type().Method(i).Name
		if kind := method.Type(); kind.NumIn() == 0 || kind.In(0) != reflect.TypeFor[context.Context]() {
			continue
		}
		requests = 0
		method.Call(canaries(t, method.Type()))
		if requests == 0 {
			t.Errorf("%s has sent nothing", name)
		}
	}
}

// canaries are arguments for a method, with secrets where it takes some.
func canaries(t *testing.T, method reflect.Type) []reflect.Value {
	t.Helper()
	arguments := []reflect.Value{reflect.ValueOf(t.Context())}
	for i := 1; i < method.NumIn(); i++ {
		switch method.In(i) {
		case reflect.TypeFor[secret.Text]():
			arguments = append(arguments, reflect.ValueOf(secret.New(canaryToken)))
		case reflect.TypeFor[stackexchange.Redemption]():
			arguments = append(arguments, reflect.ValueOf(redemption(secret.New(canaryCode))))
		default:
			t.Fatalf("there is no canary for an argument of type %v", method.In(i))
		}
	}
	return arguments
}

// checkCredentials wants no query but the API's site, and the token in the
// Authorization header of the API's methods.
func checkCredentials(t *testing.T, r *http.Request) {
	t.Helper()
	if query := r.URL.RawQuery; query != "" && query != "site=stackoverflow" {
		t.Errorf("%s %s has the query %q", r.Method, r.URL.Path, query)
	}
	want := "Bearer " + canaryToken
	if r.Method == http.MethodPost {
		want = ""
	}
	if got := r.Header.Get("Authorization"); got != want {
		t.Errorf("%s %s has the Authorization %q, want %q", r.Method, r.URL.Path, got, want)
	}
	delete(r.Header, "Authorization")
	for name, values := range r.Header {
		for _, secret := range []string{canaryToken, canaryCode, verifier} {
			if text := strings.Join(values, " "); strings.Contains(text, secret) || strings.Contains(text, url.QueryEscape(secret)) {
				t.Errorf("%s %s has a secret in the header %s", r.Method, r.URL.Path, name)
			}
		}
	}
}

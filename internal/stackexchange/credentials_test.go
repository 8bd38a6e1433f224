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
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		requests++
		checkCredentials(t, r)
		return response(200, `{"access_token":"t","items":[{"account_id":7}]}`), nil
	})
	public := stackexchange.New(stackexchange.Config{Transport: transport})
	for name, c := range map[string]*stackexchange.Client{"public": public, "private": clientOf(t, "http://upstream.invalid", transport)} {
		t.Run(name, func(t *testing.T) { callAll(t, c, &requests) })
	}
}

func callAll(t *testing.T, c *stackexchange.Client, requests *int) {
	t.Helper()
	client := reflect.ValueOf(c)
	for i := range client.NumMethod() {
		method, name := client.Method(i), client.Type().Method(i).Name
		if kind := method.Type(); kind.NumIn() == 0 || kind.In(0) != reflect.TypeFor[context.Context]() {
			continue
		}
		*requests = 0
		method.Call(canaries(t, method.Type()))
		if *requests == 0 {
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

// checkCredentials wants no query but the API's site, and secrets in no header but
// those for the token.
func checkCredentials(t *testing.T, r *http.Request) {
	t.Helper()
	if query := r.URL.RawQuery; query != "" && query != "site=stackoverflow" {
		t.Errorf("%s %s has the query %q", r.Method, r.URL.Path, query)
	}
	want := map[string]string{}
	if r.Method == http.MethodGet {
		want["Authorization"] = "Bearer " + canaryToken
	}
	if r.Method == http.MethodGet && r.URL.Host != "api.stackexchange.com" {
		want["X-Api-Access-Token"] = canaryToken
	}
	for name := range r.Header {
		text := r.Header.Get(name)
		for _, secret := range []string{canaryToken, canaryCode, verifier} {
			if text != want[name] && (strings.Contains(text, secret) || strings.Contains(text, url.QueryEscape(secret))) {
				t.Errorf("%s %s has a secret in the header %s", r.Method, r.URL.Path, name)
			}
		}
	}
	for name, value := range want {
		if got := r.Header.Get(name); got != value {
			t.Errorf("%s %s has the %s %q, want %q", r.Method, r.URL.Path, name, got, value)
		}
	}
}

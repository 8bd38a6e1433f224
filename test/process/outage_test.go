//go:build integration

package process_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/test/program"
)

// faultProxy is a Toxiproxy between DSS and Stack Exchange.
type faultProxy struct {
	t      *testing.T
	api    string
	listen string // what DSS talks to
}

// startFaultProxy starts a Toxiproxy with one proxy in front of upstream.
func startFaultProxy(t *testing.T, listen, upstream string) *faultProxy {
	t.Helper()
	api := program.FreeAddress(t)
	host, port, _ := net.SplitHostPort(api)
	p, err := program.Launch(exec.Command("../.bin/toxiproxy", "-host", host, "-port", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	if err := p.Until("listen", func() bool { return program.Listens(api) }); err != nil {
		t.Fatal(err)
	}
	f := &faultProxy{t: t, api: "http://" + api, listen: listen}
	f.call("POST", "/proxies", map[string]any{"name": "se", "listen": listen, "upstream": upstream, "enabled": true})
	return f
}

func (f *faultProxy) call(method, path string, body any) {
	f.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		f.t.Fatal(err)
	}
	request, err := http.NewRequest(method, f.api+path, bytes.NewReader(text))
	if err != nil {
		f.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		f.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 {
		answer, _ := io.ReadAll(response.Body)
		f.t.Fatalf("%s %s: %s %s", method, path, response.Status, answer)
	}
}

// poison breaks the way to Stack Exchange until the function it returns is
// called.
func (f *faultProxy) poison(kind, stream string, attributes map[string]any) (heal func()) {
	f.t.Helper()
	f.call("POST", "/proxies/se/toxics", map[string]any{"name": "toxic", "type": kind, "stream": stream, "attributes": attributes})
	return func() { f.call("DELETE", "/proxies/se/toxics/toxic", nil) }
}

// TestOutages breaks the network between DSS and Stack Exchange in every way.
// The app hears that it may try again. Once the network is whole, it gets its
// token with the same code if Stack Exchange has not seen that code; if only
// the answer was lost, the code is used up, and the app hears that.
func TestOutages(t *testing.T) {
	t.Parallel()
	// The browser reaches Stack Exchange by the proxy too, before it breaks.
	way, direct := program.FreeAddress(t), program.FreeAddress(t)
	_, port, _ := net.SplitHostPort(way)
	upstream := "http://localhost:" + port
	startAt(t, direct, "--store", "memory:", "--sandbox", "--public-url", upstream)
	proxy := startFaultProxy(t, way, direct)
	p := start(t, "--store", "memory:", "--stackexchange-url", upstream+"/sandbox", "--stackexchange-api-url", upstream+"/sandbox/2.3")

	for name, fault := range map[string]struct {
		kind, stream string
		attributes   map[string]any
		after        int // the status of the next try
	}{
		"the request is swallowed":     {"timeout", "upstream", map[string]any{"timeout": 50}, http.StatusOK},
		"the request is cut":           {"limit_data", "upstream", map[string]any{"bytes": 20}, http.StatusOK},
		"silence":                      {"timeout", "upstream", map[string]any{"timeout": 0}, http.StatusOK},
		"the answer is cut":            {"limit_data", "downstream", map[string]any{"bytes": 20}, http.StatusBadRequest},
		"the answer breaks off":        {"limit_data", "downstream", map[string]any{"bytes": 500}, http.StatusBadRequest},
		"a reset comes for the answer": {"reset_peer", "downstream", map[string]any{"timeout": 0}, http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			code, verifier := p.codeGrant()
			deviceCode, _, _ := p.device()
			heal := proxy.poison(fault.kind, fault.stream, fault.attributes)
			began := time.Now()
			if status, answer := p.exchange(code, verifier); status != http.StatusServiceUnavailable || answer["error"] != "temporarily_unavailable" {
				t.Errorf("exchange: %d %v", status, answer)
			}
			if status, answer := p.pollBasic(deviceCode); status != http.StatusBadRequest || answer["error"] != "slow_down" {
				t.Errorf("poll: %d %v", status, answer)
			}
			if took := time.Since(began); took > time.Minute {
				t.Errorf("two answers took %v", took)
			}
			heal()
			status, answer := p.exchange(code, verifier)
			checkAfter(t, "exchange", fault.after, status, answer)
			// As the second poll of a pair this one needs no wait.
			status, answer = p.pollDevice(deviceCode)
			checkAfter(t, "poll", fault.after, status, answer)
		})
	}
}

// checkAfter checks an answer after the outage: a code that is used up is told
// to be so because of the outage.
func checkAfter(t *testing.T, what string, want, status int, answer map[string]any) {
	t.Helper()
	sentence, _ := answer["error_description"].(string)
	if status != want || status != http.StatusOK && (answer["error"] != "invalid_grant" || !strings.Contains(sentence, "was lost")) {
		t.Errorf("%s after the outage: %d %v", what, status, answer)
	}
}

// pollBasic polls with HTTP Basic authentication.
func (p *process) pollBasic(deviceCode string) (int, map[string]any) {
	p.t.Helper()
	form := pollForm(deviceCode)
	form.Del("client_id")
	request, err := http.NewRequest("POST", p.url+"/oauth/token", bytes.NewReader([]byte(form.Encode())))
	if err != nil {
		p.t.Fatal(err)
	}
	request.SetBasicAuth("7", "")
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := p.client.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		p.t.Fatal(fmt.Errorf("poll: %w", err))
	}
	return response.StatusCode, answer
}

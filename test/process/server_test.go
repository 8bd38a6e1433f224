//go:build integration

package process_test

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/test/program"
)

// process is a running server.
type process struct {
	*program.Process
	t      *testing.T
	url    string
	host   string // if another server is to be asked than url names
	client *http.Client

	adminURL string // of startObserved
}

func start(t *testing.T, args ...string) *process {
	t.Helper()
	return startAt(t, "127.0.0.1:0", args...)
}

func startAt(t *testing.T, listen string, args ...string) *process {
	t.Helper()
	return startBinary(t, binary, listen, args...)
}

func startBinary(t *testing.T, binary, listen string, args ...string) *process {
	t.Helper()
	served := program.Start(t, binary, append([]string{"--listen", listen}, args...)...)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 70 * time.Second}
	return &process{Process: served, t: t, url: served.URL, client: client}
}

// terminate ends the process as a service manager does.
func (p *process) terminate() {
	p.t.Helper()
	if err := p.Terminate(); err != nil {
		p.t.Error(err)
	}
}

func (p *process) do(method, path string, form url.Values) (int, http.Header, string, error) {
	request, err := http.NewRequest(method, p.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, nil, "", err
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	request.Host = p.host
	response, err := p.client.Do(request)
	if err != nil {
		return 0, nil, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, response.Header, string(body), err
}

// deposit reports whether the server has acknowledged it.
func (p *process) deposit(key, token string) bool {
	status, _, _, err := p.do("POST", "/auth/redirect", url.Values{"state": {key}, "access_token": {token}})
	return err == nil && status == http.StatusNoContent
}

func (p *process) claim(key string) (status int, body string) {
	status, _, body, err := p.do("GET", "/auth/token?key="+key, nil)
	if err != nil {
		return 0, ""
	}
	return status, body
}

func dial(address string) (net.Conn, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return conn, conn.SetDeadline(time.Now().Add(time.Minute))
}

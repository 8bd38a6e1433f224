//go:build integration

package process_test

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"testing"

	"github.com/desktop-stack-serv/dss/test/engines"
)

// TestReadyKnowsOfFailingWrites: a store that answers, and takes nothing, as
// when its disk is full, is no store to send requests to. The server notices by
// itself when that is over.
func TestReadyKnowsOfFailingWrites(t *testing.T) {
	t.Parallel()
	engine := engines.Redis(t)
	p := start(t, "--store", engine.URL, "--limits", "off")
	ready := func() int {
		status, _, _, err := p.do("GET", "/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		return status
	}
	set := func(replicas string) {
		if _, err := engine.RedisCommand("CONFIG", "SET", "min-replicas-to-write", replicas); err != nil {
			t.Fatal(err)
		}
	}
	if status := ready(); status != http.StatusOK {
		t.Errorf("at first: %d", status)
	}
	set("1") // of none: reads are answered, writes are refused
	lost := rand.Text()
	if status, _, body := p.ask("POST", "/auth/redirect", url.Values{"state": {lost}, "access_token": {lost}}); status != http.StatusServiceUnavailable {
		t.Fatalf("a deposit that cannot be stored: %d %s", status, body)
	}
	for range 20 {
		if status := ready(); status != http.StatusServiceUnavailable {
			t.Fatalf("while writes fail: %d", status)
		}
	}
	if status, _ := p.claim(lost); status != http.StatusNotFound {
		t.Errorf("a claim of what was not stored: %d", status)
	}
	if status := ready(); status != http.StatusServiceUnavailable {
		t.Errorf("after a read that went well: %d", status)
	}
	set("0")
	if err := p.Until("ready again", func() bool { return ready() == http.StatusOK }); err != nil {
		t.Error(err)
	}
	if !p.deposit(rand.Text(), "T") {
		t.Error("no deposit")
	}
	p.terminate()
}

//go:build integration

package process_test

import (
	"flag"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// sightings is how many sign-ins there are of each flow. Make test-sight has 1,000.
var sightings = flag.Int("sightings", 20, "sign-ins of TestWhoCanSee in each flow")

// The secrets of a sign-in.
const (
	theToken       = "token"
	theCode        = "code"          // of Stack Exchange
	theVerifier    = "PKCE verifier" // without which that is worth nothing
	theKey         = "key"           // of the relay
	theKeyVerifier = "key's verifier"
	theAppCode     = "app's code" // of /oauth/authorize
	theDeviceCode  = "device code"
	theUserCode    = "user code"
)

// flows are the ways to sign in, and who can see which secrets. Everybody else never
// does: the table in docs/threats.md says the same.
var flows = []struct {
	name   string
	signIn func(*witness) error
	// What the browser and the server's memory see.
	browser, memory []string
}{
	{"relay, implicit grant", (*witness).implicit, []string{theToken, theKey}, []string{theToken, theKey, theKeyVerifier}},
	{"relay, code grant", (*witness).unboundRelay, []string{theCode, theKey}, []string{theCode, theKey}},
	{"relay, code grant, bound key", (*witness).relay, []string{theCode, theKey}, []string{theCode, theKey, theKeyVerifier}},
	{"code grant", (*witness).codeGrant, []string{theCode, theAppCode}, []string{theToken, theCode, theVerifier, theAppCode}},
	{"code grant, direct redemption", (*witness).direct, []string{theCode}, []string{theCode}},
	{"device grant", (*witness).device, []string{theCode, theUserCode}, []string{theToken, theCode, theVerifier, theDeviceCode, theUserCode}},
}

// batch is how many sign-ins are under way at a time. After each batch, all of the
// server's memory and files are searched for what belongs to it.
const batch = 20

// TestWhoCanSee searches browsers, the memory of the server's process and its files
// for the secrets of many sign-ins. Whoever is not said to see a secret never has it
// in any byte; whoever is said to has it somewhere.
func TestWhoCanSee(t *testing.T) {
	for _, flow := range flows {
		t.Run(flow.name, func(t *testing.T) {
			t.Parallel()
			w := newWitness(t)
			folder := t.TempDir()
			p := startBinary(t, fastBinary, "127.0.0.1:0", "--store", "sqlite:"+filepath.Join(folder, "dss.db"),
				"--limits", "off", "--stackexchange-url", w.url, "--stackexchange-api-url", w.url+"/2.3")
			w.server = p.url
			found := map[string]int{}
			for done := 0; done < *sightings && !t.Failed(); done += batch {
				w.forget()
				var group sync.WaitGroup
				for range min(batch, *sightings-done) {
					group.Go(func() {
						if err := flow.signIn(w); err != nil {
							t.Error(err)
						}
					})
				}
				group.Wait()
				w.searchBrowsers(flow.browser)
				p.searchMemory(w, flow.memory, found)
				w.searchFiles(folder)
			}
			// Nothing of earlier sign-ins has come since.
			w.remember()
			p.searchMemory(w, flow.memory, map[string]int{})
			p.terminate()
			w.searchFiles(folder)
			for _, kind := range flow.memory {
				if found[kind] == 0 {
					t.Errorf("the server never has the %s, which it is said to see", kind)
				}
			}
			t.Logf("%d sign-ins: found in memory %v of %s", *sightings, found, w.counts())
		})
	}
}

// searchBrowsers looks for secrets in the addresses that browsers have been at.
func (w *witness) searchBrowsers(seen []string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	visited := strings.Join(w.visited, "\n")
	for kind, secrets := range w.secrets {
		n := 0
		for _, secret := range secrets {
			if strings.Contains(visited, secret) {
				n++
			}
		}
		if (n > 0) != slices.Contains(seen, kind) {
			w.t.Errorf("browsers have %d of %d of the kind %s", n, len(secrets), kind)
		}
	}
}

// searchMemory counts the secrets that are in the memory of the server, and fails the
// test if one is there that is not said to be.
func (p *process) searchMemory(w *witness, seen []string, found map[string]int) {
	p.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	const always = "address of Stack Exchange"
	wanted := map[string][]string{always: {w.url}}
	maps.Copy(wanted, w.secrets)
	for kind, texts := range p.inMemory(wanted).found {
		switch n := len(texts); {
		case kind == always && n == 0:
			p.t.Error("the search does not even find what is there all the time")
		case kind != always:
			found[kind] += n
			if n > 0 && !slices.Contains(seen, kind) {
				p.t.Errorf("the server has %d of %d of the kind %s in its memory", n, len(w.secrets[kind]), kind)
			}
		}
	}
}

// searchFiles fails the test if a secret is in the store.
func (w *witness) searchFiles(folder string) {
	w.t.Helper()
	for kind, texts := range inFiles(w.t, folder, w.secrets).found {
		if len(texts) > 0 {
			w.t.Errorf("the store has %d of the kind %s", len(texts), kind)
		}
	}
}

// counts says how many secrets of each kind there were.
func (w *witness) counts() string {
	var text []string
	for _, kind := range slices.Sorted(maps.Keys(w.secrets)) {
		text = append(text, fmt.Sprintf("%s:%d", kind, len(w.secrets[kind])))
	}
	return strings.Join(text, " ")
}

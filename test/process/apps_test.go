//go:build integration

package process_test

import (
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/test/engines"
)

const twoApps = `[[app]]
client_id = "7"
app_id = "good"
name = "Good"

[[app]]
client_id = "8"
app_id = "bad"
name = "Bad"
`

// TestBlockAtTwoServers blocks an app while two servers are busy: both refuse it,
// and go on to, and the other app does not notice.
func TestBlockAtTwoServers(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/apps.toml"
	if err := os.WriteFile(file, []byte(twoApps), 0o600); err != nil {
		t.Fatal(err)
	}
	store := engines.Redis(t).URL
	var servers []*process
	for range 2 {
		servers = append(servers, startBinary(t, fastBinary, "127.0.0.1:0", "--store", store, "--sandbox", "--limits", "off", "--apps", file))
	}
	var served, refused atomic.Int64
	var blocked [2]atomic.Bool
	stop := make(chan struct{})
	var load sync.WaitGroup
	for i, p := range servers {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := p.signInAs("good", "7"); err != nil {
					t.Errorf("server %d: %v", i, err)
				}
				served.Add(1)
				was := blocked[i].Load()
				if err := p.signInAs("bad", "8"); err == nil && was {
					t.Errorf("server %d serves an app that it has refused", i)
				} else if err != nil {
					blocked[i].Store(true)
					refused.Add(1)
				}
			}
		})
	}
	wait := func(what string, enough func() bool) {
		t.Helper()
		if err := servers[0].Until(what, enough); err != nil {
			t.Fatal(err)
		}
	}
	wait("both serve", func() bool { return served.Load() > 20 })
	if refused.Load() > 0 {
		t.Error("an app is refused that is not blocked")
	}
	if output, err := exec.Command(fastBinary, "apps", "block", "8", "--reason", "It spams.", "--apps", file).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	began := time.Now()
	wait("both refuse", func() bool { return blocked[0].Load() && blocked[1].Load() })
	t.Logf("refused by both after %v", time.Since(began))
	before := served.Load()
	wait("they go on", func() bool { return served.Load() > before+50 })
	close(stop)
	load.Wait()
}

// signInAs does what an app does: a deposit and its claim at the relay, and a
// device authorization. All are served, or all refused as a blocked app is.
func (p *process) signInAs(space, clientID string) error {
	key := rand.Text()
	deposit, _, text, err := p.do("POST", "/auth/redirect/"+space, url.Values{"state": {key}, "access_token": {"T"}})
	claim, _, claimed, claimErr := p.do("GET", "/auth/token?appid="+space+"&key="+key, nil)
	device, _, code, deviceErr := p.do("POST", "/oauth/device_authorization", url.Values{"client_id": {clientID}})
	switch {
	case err != nil || claimErr != nil || deviceErr != nil:
		return fmt.Errorf("%v, %v, %v", err, claimErr, deviceErr)
	case deposit == 204 && claim == 200 && device == 200:
		return nil
	}
	for _, answer := range []string{text, claimed, code} {
		if answer != "" && strings.HasPrefix(answer, `{"error`) && !strings.Contains(answer, "It spams.") {
			return fmt.Errorf("%d %d %d: %s", deposit, claim, device, answer)
		}
	}
	return fmt.Errorf("refused: %d %d %d", deposit, claim, device)
}

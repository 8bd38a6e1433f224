//go:build integration

package process_test

import (
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/test/program"
)

// TestUpstreamCheckInOutages breaks the network between dss upstream check and a
// Stack Exchange for which the contract holds, in every way and after any number
// of bytes. That is an outage, or not noticed, and never a change.
func TestUpstreamCheckInOutages(t *testing.T) {
	t.Parallel()
	way, direct := program.FreeAddress(t), program.FreeAddress(t)
	_, port, _ := net.SplitHostPort(way)
	upstream := "http://localhost:" + port
	startAt(t, direct, "--store", "memory:", "--sandbox", "--public-url", upstream)
	proxy := startFaultProxy(t, way, direct)
	check := func(want ...int) {
		t.Helper()
		status, output := checkUpstream(t, upstream)
		if !strings.Contains(fmt.Sprint(want), fmt.Sprint(status)) || strings.Contains(output, "changed  ") {
			t.Errorf("exit status %d, want one of %d\n%s", status, want, output)
		}
	}
	check(0)
	for name, fault := range map[string]struct {
		kind, stream string
		attributes   map[string]any
		want         int
	}{
		"the request is swallowed":       {"timeout", "upstream", map[string]any{"timeout": 50}, 5},
		"the answer is swallowed":        {"timeout", "downstream", map[string]any{"timeout": 50}, 5},
		"silence":                        {"timeout", "downstream", map[string]any{"timeout": 0}, 5},
		"a reset comes for the request":  {"reset_peer", "upstream", map[string]any{"timeout": 0}, 5},
		"a reset comes for the answer":   {"reset_peer", "downstream", map[string]any{"timeout": 0}, 5},
		"the answer comes byte for byte": {"slicer", "downstream", map[string]any{"average_size": 1, "delay": 10}, 0},
		"the answer is late":             {"latency", "downstream", map[string]any{"latency": 100}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			heal := proxy.poison(fault.kind, fault.stream, fault.attributes)
			defer heal()
			check(fault.want)
		})
	}
	for bytes := 1; bytes < 6000; bytes += 199 {
		heal := proxy.poison("limit_data", "downstream", map[string]any{"bytes": bytes})
		check(0, 5)
		heal()
	}
	proxy.call("POST", "/proxies/se", map[string]any{"enabled": false})
	check(5)
	proxy.call("POST", "/proxies/se", map[string]any{"enabled": true})
	check(0)
}

// checkUpstream runs dss upstream check on a sandbox.
func checkUpstream(t *testing.T, upstream string) (status int, output string) {
	t.Helper()
	command := exec.Command(binary, "upstream", "check",
		"--stackexchange-url", upstream+"/sandbox", "--stackexchange-api-url", upstream+"/sandbox/2.3")
	command.Env = program.Environment()
	text, err := command.CombinedOutput()
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		status = ended.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return status, string(text)
}

package dsstest_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/dsstest"
)

// TestMain runs all tests at a time: nearly always, devices wait for their next
// poll.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "64"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func signIn(t *testing.T, server *dsstest.Server, flow dss.Flow, behaviour dsstest.Behaviour) (*dss.Token, error) {
	t.Helper()
	config := server.Config()
	config.Flow, config.Prompt = flow, server.User(behaviour)
	client, err := dss.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return client.SignIn(t.Context())
}

var everyFlow = []dss.Flow{dss.FlowLoopback, dss.FlowRelay, dss.FlowImplicit, dss.FlowDevice}

// TestEveryFlowGetsOverEveryFault signs in while the server does its worst.
func TestEveryFlowGetsOverEveryFault(t *testing.T) {
	t.Parallel()
	for _, flow := range everyFlow {
		for _, behaviour := range []dsstest.Behaviour{dsstest.Approves, dsstest.Dawdles, dsstest.Twice} {
			t.Run(string(flow)+"/"+string(behaviour), func(t *testing.T) {
				t.Parallel()
				token, err := signIn(t, dsstest.Start(t, dsstest.Options{Seed: 1}), flow, behaviour)
				if err != nil || token.AccessToken.Reveal() == "" {
					t.Errorf("%v, %v", token, err)
				}
			})
		}
	}
}

func TestUsersWhoSayNo(t *testing.T) {
	t.Parallel()
	for _, flow := range everyFlow {
		for _, behaviour := range []dsstest.Behaviour{dsstest.Denies, dsstest.Cancels} {
			t.Run(string(flow)+"/"+string(behaviour), func(t *testing.T) {
				t.Parallel()
				if flow == dss.FlowLoopback && behaviour == dsstest.Cancels {
					behaviour = dsstest.Denies // there is no page of DSS's to cancel on
				}
				token, err := signIn(t, dsstest.Start(t, dsstest.Options{Faults: []dsstest.Fault{}}), flow, behaviour)
				if !errors.Is(err, dss.ErrAccessDenied) {
					t.Errorf("%v, %v", token, err)
				}
			})
		}
	}
}

func TestUserWhoWalksAway(t *testing.T) {
	server := dsstest.Start(t, dsstest.Options{Faults: []dsstest.Fault{}})
	config := server.Config()
	config.Flow, config.Prompt = dss.FlowRelay, server.User(dsstest.WalksAway)
	client, err := dss.New(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s, err := client.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := s.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestFaultsAreTheSameEachTime signs in twice with one seed, and with another.
func TestFaultsAreTheSameEachTime(t *testing.T) {
	t.Parallel()
	strikes := func(seed uint64) (counts [6]int) {
		server := dsstest.Start(t, dsstest.Options{Seed: seed, Faults: []dsstest.Fault{dsstest.Refuses, dsstest.Slow, dsstest.DropsAnswer}})
		config := server.Config()
		config.Flow = dss.FlowRelay
		client, err := dss.New(config)
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			s, err := client.Start(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := server.Do(t.Context(), dsstest.Approves, *s); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for i, fault := range dsstest.AllFaults {
			counts[i] = server.Strikes(fault)
		}
		return counts
	}
	first, second := strikes(1), strikes(1)
	if first != second {
		t.Errorf("one seed, two courses: %v, %v", first, second)
	}
	if first == [6]int{} {
		t.Error("no fault has struck")
	}
}

// verdict is a test whose failures are kept.
type verdict struct {
	testing.TB
	failures []string
	cleanups []func()
}

func (v *verdict) Helper() {}

func (v *verdict) Cleanup(f func()) { v.cleanups = append(v.cleanups, f) }

func (v *verdict) Errorf(format string, arguments ...any) {
	v.failures = append(v.failures, fmt.Sprintf(format, arguments...))
}

func (v *verdict) Fatalf(format string, arguments ...any) {
	v.Errorf(format, arguments...)
	runtime.Goexit()
}

// TestEveryFaultStrikesOrFailsTheTest has one fault in one flow.
func TestEveryFaultStrikesOrFailsTheTest(t *testing.T) {
	t.Parallel()
	cannot := map[dss.Flow][]dsstest.Fault{
		dss.FlowLoopback: {dsstest.DropsAnswer, dsstest.SlowDown},
		dss.FlowRelay:    {dsstest.SlowDown},
		dss.FlowImplicit: {dsstest.SlowDown},
		dss.FlowDevice:   {dsstest.DropsAnswer, dsstest.TooMany, dsstest.Unavailable},
	}
	for _, flow := range everyFlow {
		for _, fault := range dsstest.AllFaults {
			t.Run(string(flow)+"/"+string(fault), func(t *testing.T) {
				t.Parallel()
				v := &verdict{TB: t}
				server := dsstest.Start(v, dsstest.Options{Faults: []dsstest.Fault{fault}})
				config := server.Config()
				config.Flow = flow
				client, err := dss.New(config)
				if err == nil {
					_, err = client.SignIn(t.Context())
				}
				for _, cleanup := range v.cleanups {
					cleanup()
				}
				strikes, fails := server.Strikes(fault), slices.Contains(cannot[flow], fault)
				if err != nil || (strikes == 0) != fails || (len(v.failures) == 1) != fails {
					t.Errorf("%d strikes, failures %q, %v", strikes, v.failures, err)
				}
			})
		}
	}
}

func TestFaultThatDoesNotExist(t *testing.T) {
	v := &verdict{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		dsstest.Start(v, dsstest.Options{Faults: []dsstest.Fault{"slowdown"}})
	}()
	<-done
	if len(v.failures) != 1 || !strings.Contains(v.failures[0], `no fault "slowdown"`) {
		t.Errorf("failures %q", v.failures)
	}
}

// TestNothingLeavesThisMachine uses the token with the same configuration.
func TestNothingLeavesThisMachine(t *testing.T) {
	t.Parallel()
	server := dsstest.Start(t, dsstest.Options{})
	for _, config := range []dss.Config{server.Config(), {Server: server.URL, ClientID: "1", Prompt: server.User(dsstest.Approves)}} {
		config.Flow = dss.FlowRelay
		client, err := dss.New(config)
		if err != nil {
			t.Fatal(err)
		}
		token, err := client.SignIn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if info, err := client.Inspect(t.Context(), token.AccessToken.Reveal()); err != nil || info.DisplayName != "Sandbox User" {
			t.Errorf("%+v, %v", info, err)
		}
		if err := client.Invalidate(t.Context(), token.AccessToken.Reveal()); err != nil {
			t.Error(err)
		}
	}
}

func TestFaultsAreSwitched(t *testing.T) {
	t.Parallel()
	server := dsstest.Start(t, dsstest.Options{Faults: []dsstest.Fault{}})
	server.SetFault(dsstest.Unavailable, true)
	if _, err := signIn(t, server, dss.FlowRelay, dsstest.Approves); err != nil {
		t.Fatal(err)
	}
	if server.Strikes(dsstest.Unavailable) == 0 {
		t.Error("a fault that was switched on never struck")
	}
	before := server.Strikes(dsstest.Unavailable)
	server.SetFault(dsstest.Unavailable, false)
	if _, err := signIn(t, server, dss.FlowRelay, dsstest.Approves); err != nil {
		t.Fatal(err)
	}
	if server.Strikes(dsstest.Unavailable) != before {
		t.Error("a fault that was switched off has struck")
	}
}

// TestScenarios runs the client of package dss. The package test/clients runs those
// in other languages.
func TestScenarios(t *testing.T) {
	t.Parallel()
	for _, scenario := range dsstest.Scenarios {
		for _, flow := range scenario.Flows {
			t.Run(scenario.Name+"/"+string(flow), func(t *testing.T) {
				t.Parallel()
				token, err := signIn(t, scenario.Start(t), flow, scenario.Behaviour)
				if !errors.Is(err, scenario.Want) || scenario.Want == nil && token.AccessToken.Reveal() == "" {
					t.Errorf("%v, %v, want %v", token, err, scenario.Want)
				}
			})
		}
	}
}

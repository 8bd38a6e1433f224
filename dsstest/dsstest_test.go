package dsstest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/dsstest"
)

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

func TestFaultsAreSwitched(t *testing.T) {
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

package dsstest

import (
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss"
)

// Scenario is a sign-in of which it is known how it has to end, whatever client
// it is that signs in.
type Scenario struct {
	Name      string
	Flows     []dss.Flow
	Options   Options
	Behaviour Behaviour
	// Want is the error that package dss has in the end, as [errors.Is] finds it;
	// nil for a token.
	Want error
}

// Start starts a server for the scenario.
func (s Scenario) Start(t testing.TB) *Server {
	t.Helper()
	options := s.Options
	if options.Faults == nil {
		options.Faults = []Fault{}
	}
	return Start(t, options)
}

var (
	everywhere = []dss.Flow{dss.FlowLoopback, dss.FlowRelay, dss.FlowDevice}
	codes      = []dss.Flow{dss.FlowLoopback, dss.FlowRelay} // with a code of Stack Exchange
	loopback   = []dss.Flow{dss.FlowLoopback}
	relay      = []dss.Flow{dss.FlowRelay}
	device     = []dss.Flow{dss.FlowDevice}
)

// Scenarios are what every client has to get over, or to report. Package dss and
// the files in clients pass them all.
var Scenarios = []Scenario{
	{Name: "approved", Flows: everywhere, Behaviour: Dawdles},
	{Name: "approved twice", Flows: everywhere, Behaviour: Twice},
	{Name: "denied", Flows: everywhere, Behaviour: Denies, Want: dss.ErrAccessDenied},
	{
		Name: "cancelled", Flows: []dss.Flow{dss.FlowRelay, dss.FlowDevice},
		Behaviour: Cancels, Want: dss.ErrAccessDenied,
	},
	{Name: "conflict", Flows: relay, Options: with(Holds), Behaviour: Conflicts, Want: dss.ErrConflict},
	{
		Name: "expired", Flows: device, Options: Options{TTL: 3 * time.Second},
		Behaviour: WalksAway, Want: dss.ErrExpired,
	},
	{Name: "slow_down", Flows: device, Options: with(SlowDown), Behaviour: Approves},
	{Name: "429", Flows: codes, Options: with(TooMany), Behaviour: Approves},
	{Name: "503", Flows: codes, Options: with(Unavailable), Behaviour: Approves},
	{Name: "clock skew", Flows: codes, Options: with(TooMany, WrongClock), Behaviour: Approves},
	{Name: "connection reset", Flows: everywhere, Options: with(Refuses), Behaviour: Approves},
	{Name: "restart while waiting", Flows: everywhere, Options: with(Restarts), Behaviour: Approves},
	{Name: "dead connection", Flows: everywhere, Options: with(Dies), Behaviour: Approves},
	{Name: "no JSON", Flows: everywhere, Options: with(Portal), Behaviour: Approves},
	{Name: "lost answer", Flows: relay, Options: with(DropsAnswer), Behaviour: Approves},
	{Name: "lost token", Flows: everywhere, Options: with(LosesToken), Behaviour: Approves, Want: dss.ErrAnswerLost},
	{Name: "wrong state", Flows: loopback, Behaviour: Forges},
}

func with(faults ...Fault) Options { return Options{Faults: faults} }

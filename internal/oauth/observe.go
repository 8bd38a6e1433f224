package oauth

import (
	"context"

	"github.com/desktop-stack-serv/dss/internal/secret"
)

// Event is a step of a sign-in.
type Event struct {
	Grant Grant
	Step  Step
	// SignIn identifies this sign-in through all its steps: it is its code
	// challenge. Hash it; do not show it.
	SignIn secret.Text
}

// Grant is one of the two grants, with or without direct redemption, or a trial.
type Grant string

// The grants.
const (
	CodeGrant   Grant = "code"
	DirectGrant Grant = "direct" // the code grant in which the app redeems at Stack Exchange, which is not seen here
	DeviceGrant Grant = "device"
	TrialGrant  Grant = "trial" // see [Trial]
)

// Step is how far a sign-in has come.
type Step string

// The steps. A sign-in without another step has expired.
const (
	Started  Step = "started"
	Approved Step = "approved" // by the user, at Stack Exchange
	Declined Step = "declined" // by the user, here or there, or by Stack Exchange
	Redeemed Step = "redeemed" // the app has its token
	Refused  Step = "refused"  // Stack Exchange did not take its own code
)

// observe passes a step to the observer, if there is one.
func (s *Service) observe(ctx context.Context, grant Grant, challenge string, step Step) {
	if s.config.Observe != nil {
		s.config.Observe(ctx, Event{grant, step, secret.New(challenge)})
	}
}

func (s session) grant() Grant {
	switch {
	case s.device():
		return DeviceGrant
	case s.direct():
		return DirectGrant
	}
	return CodeGrant
}

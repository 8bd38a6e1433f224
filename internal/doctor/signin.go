package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/registration"
)

// Trial is what came of a sign-in that was tried.
type Trial struct {
	// Err is the error of [dss.SignIn.Wait]; nil if there was a token, and
	// [dss.ErrExpired] if the person gave up.
	Err error
	// Asked is the scope that was asked for.
	Asked string
	// Domain is the host of the DSS server, without a port.
	Domain string
	// Seen is what the person saw; zero if nobody said.
	Seen registration.Sighting

	token     *dss.TokenInfo // nil if the API did not say
	unrevoked error          // why the token may still be valid; nil if it is not
}

// End ends the token of a sign-in at Stack Exchange, and asks before whose it is: an
// API that does not know it cannot end it.
func (t *Trial) End(ctx context.Context, client *dss.Client, token dss.Secret) {
	var err error
	t.token, err = client.Inspect(ctx, token.Reveal())
	t.unrevoked = client.Invalidate(ctx, token.Reveal())
	if t.unrevoked == nil && errors.Is(err, dss.ErrInvalidToken) {
		t.unrevoked = err
	}
}

// Explain says how far a sign-in came, and what that means for the registration.
func Explain(t Trial) []Finding {
	e, ok := t.evidence()
	if !ok {
		return []Finding{{
			Check: SignIn, Status: Problem, Detail: "the sign-in broke off (" + short(t.Err.Error()) + ")",
			Change: "Try again; if it breaks off again, ask whoever runs the server.",
		}}
	}
	var findings []Finding
	causes := registration.Diagnose(e)
	for i, cause := range causes {
		f := Finding{
			Check: Registration, Status: statusOf(causes, i), Detail: cause.Means, Change: cause.Change, Cause: cause.Cause,
		}
		if f.Status == OK {
			f.Change = "" // and not the word Nothing
		}
		findings = append(findings, f)
	}
	step := t.step(e)
	switch {
	case findings[0].Status != Possible:
	case step.Err != nil:
		step.Detail += "; if somebody opened the address, one of these is the cause, the likeliest first"
	default:
		step.Detail += "; one of these is the cause, the likeliest first"
	}
	return append([]Finding{step}, findings...)
}

// NotTried is the finding where no sign-in is tried.
func NotTried(why, change string) Finding {
	return Finding{Check: SignIn, Status: Info, Detail: "not tried: " + why, Change: change}
}

// NotStarted is the finding for an error of [dss.Client.Start].
func NotStarted(err error) Finding {
	return Finding{
		Check: SignIn, Status: Problem, Detail: "it does not start (" + short(err.Error()) + ")",
		Change: "Correct what it names, and try again.", Err: Trial{Err: err}.kind(),
	}
}

// statusOf is the status of the finding i. Where there is no mistake, the others say
// what was not tested.
func statusOf(causes []registration.Finding, i int) Status {
	switch {
	case causes[i].Cause == registration.Right:
		return OK
	case causes[0].Cause == registration.Right:
		return Warning
	case len(causes) > 1:
		return Possible
	}
	return Problem
}

// evidence returns what the sign-in has shown of the registration. ok is false if
// that is nothing: the DSS server has refused to go on.
func (t Trial) evidence() (e registration.Evidence, ok bool) {
	e = registration.Evidence{Seen: t.Seen.Sight, Scope: t.Asked, Domain: t.Domain}
	answer, isAnswer := errors.AsType[*dss.Error](t.Err)
	switch {
	case t.Err == nil:
		e.Stage = registration.SignedIn
	case errors.Is(t.Err, dss.ErrAccessDenied):
		e.Stage, e.Error = registration.Refused, api.AccessDenied
	case errors.Is(t.Err, dss.ErrExpired):
		e.Stage = registration.Sent
	case isAnswer && answer.Name == api.InvalidGrant:
		e.Stage, e.Message = registration.NotTaken, answer.Message
	case isAnswer:
		e.Stage, e.Error, e.Message = registration.Refused, answer.Name, answer.Message
	case errors.Is(t.Err, dss.ErrUnreachable), errors.Is(t.Err, dss.ErrAnswerLost):
		e.Stage = registration.Unanswered
	default:
		return e, false
	}
	return e, true
}

// step says how far the sign-in came, or what failed after it.
func (t Trial) step(e registration.Evidence) Finding {
	f := Finding{Check: SignIn, Status: Problem, Err: t.kind()}
	switch e.Stage {
	case registration.SignedIn:
		if t.Seen.Later {
			f.Check, f.Detail = App, t.Seen.Words
		} else {
			f.Status, f.Detail, f.Change = t.signedIn()
		}
	case registration.Refused:
		f.Detail = strings.TrimSuffix("the browser came back with the error "+short(e.Error)+": "+short(e.Message), ": ")
	case registration.NotTaken:
		f.Detail = "the browser came back with a code, and there was no token for it: " + short(e.Message)
	case registration.Unanswered:
		f.Detail = "the sign-in broke off (" + short(t.Err.Error()) + ")"
	default:
		f.Detail = "Stack Exchange did not send the browser back"
		if f.Err != nil {
			f.Detail = "the browser did not come back in time"
		}
	}
	return f
}

// signedIn describes a sign-in that worked: whose it was, and whether the token was
// revoked.
func (t Trial) signedIn() (status Status, detail, change string) {
	const ends = "nobody has the token, and it ends within a day; to end it now, remove the app at Stack Exchange, " +
		"from the account's authorized applications."
	switch {
	case errors.Is(t.unrevoked, dss.ErrInvalidToken):
		return Problem, "signed in, but the API does not know the token, and so cannot revoke it",
			"Set --stackexchange-api-url to the API of the server's Stack Exchange; " + ends
	case t.unrevoked != nil:
		return Problem, "signed in, but the token could not be revoked (" + short(t.unrevoked.Error()) + ")",
			"Try again later; " + ends
	case t.token == nil:
		return OK, "signed in; the token has been revoked", ""
	}
	scopes := cmp.Or(short(strings.Join(t.token.Scopes, ", ")), "none")
	user := cmp.Or(short(t.token.DisplayName), fmt.Sprint("account ", t.token.AccountID))
	return OK, fmt.Sprintf("signed in as %s, scopes: %s; the token has been revoked", user, scopes), ""
}

// kind is the kind of error that decides the exit status. What the person saw is
// more than that time has passed.
func (t Trial) kind() error {
	for _, kind := range []error{dss.ErrAccessDenied, dss.ErrExpired, dss.ErrUnreachable} {
		if errors.Is(t.Err, kind) && (kind != dss.ErrExpired || t.Seen.Sight == "") {
			return kind
		}
	}
	return nil
}

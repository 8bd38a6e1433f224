package oauth

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/display"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

// A trial is a sign-in of an app by the code grant in which this server is the
// app: it shows the author whether the app is registered right.
//
// Its record lies under the secret of the browser that started it, from which the
// code verifier derives, too. The code of Stack Exchange is redeemed when it
// comes, and the token is ended at once: neither is stored.

// TrialRequest is what an author wants to try.
type TrialRequest struct {
	ClientID, Scope string
	// Note comes back in the [Trial]; at most 200 bytes.
	Note string
}

// Trial is how far a trial has come, and what Stack Exchange has said.
type Trial struct {
	TrialRequest
	Result TrialResult
	// Error and Message are those of TrialRefused and TrialNotTaken, fit to be
	// shown, and at most 200 bytes each.
	Error, Message string

	since time.Time // of redeeming
}

// TrialResult is how a trial went.
type TrialResult byte

// The results.
const (
	TrialPending    TrialResult = iota // the browser has not come back
	TrialRedeeming                     // it has, with a code
	TrialRefused                       // it has, with an error
	TrialNotTaken                      // Stack Exchange refused the code
	TrialUnanswered                    // Stack Exchange did not answer, or not as it should
	TrialDone                          // there was a token, which is not valid any more
	TrialUnrevoked                     // there was a token, which may still be valid
)

const (
	maxTrialText = 200 // bytes
	// trialTime bounds what happens between the browser's return and the answer.
	trialTime = api.AnswerTime - time.Second
)

// trialPrefix begins the states of trials.
const trialPrefix = "dss-trial."

// StartTrial starts a trial and returns where to send the browser, which is the
// one that must come back. It does not ask for a token without expiry. Errors are
// [ErrInvalidClient], [ErrInvalidScope], and those of Permit and package sealed.
func (s *Service) StartTrial(ctx context.Context, r TrialRequest, browser Browser) (string, error) {
	if err := checkClientID(r.ClientID); err != nil {
		return "", err
	}
	asked, err := parseScope(r.Scope)
	if err != nil {
		return "", err
	}
	names := slices.DeleteFunc(asked.names(), func(name string) bool { return name == "no_expiry" })
	r.Scope = strings.Join(names, " ")
	if err := s.permit(ctx, r.ClientID, TrialGrant, scope(r.Scope)); err != nil {
		return "", err
	}
	state := trialPrefix + secret.Random().Reveal()
	owner := browser(flowOf(state))
	verifier := trialVerifier(owner, state)
	t := Trial{TrialRequest: r}
	if err := s.allow(ctx, 1, s.trials.Size(t)); err != nil {
		return "", err
	}
	if _, err := s.trials.Create(ctx, atTrial(owner), t, time.Now().Add(s.config.TTL)); err != nil {
		return "", err
	}
	sess := session{ClientID: r.ClientID, Scope: scope(r.Scope), Challenge: secret.S256(verifier)}
	s.observe(ctx, TrialGrant, sess.Challenge, Started)
	return s.atStackExchange(sess, state), nil
}

// FindTrial returns the trial of a flow that the browser has started. Errors are
// [ErrUnknown] and those of package sealed.
func (s *Service) FindTrial(ctx context.Context, flow string, browser Browser) (Trial, error) {
	owner := browser(flow)
	if owner.IsZero() {
		return Trial{}, ErrUnknown
	}
	rec, err := s.trials.Load(ctx, atTrial(owner))
	if err == nil && !rec.Found {
		err = ErrUnknown
	}
	t := rec.Value
	if t.Result == TrialRedeeming && time.Since(t.since) >= redeemTime { // by a process that has ended
		t.Result = TrialUnanswered
	}
	return t, err
}

// finishTrial takes the answer of Stack Exchange to a trial. After the first code,
// an answer changes nothing.
func (s *Service) finishTrial(ctx context.Context, state string, answer Answer, browser Browser) (Outcome, error) {
	outcome := Outcome{Trial: flowOf(state)}
	owner := browser(outcome.Trial)
	if owner.IsZero() {
		return Outcome{}, ErrWrongBrowser
	}
	verifier := trialVerifier(owner, state)
	// The browser may leave; a token must not stay.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), trialTime)
	defer cancel()
	rec, before, err := s.answerTrial(ctx, owner, answer)
	if err != nil || rec.Value == before {
		return outcome, err
	}
	observe := func(step Step) { s.observe(ctx, TrialGrant, secret.S256(verifier), step) }
	if rec.Value.Result == TrialRefused {
		observe(Declined)
		return outcome, nil
	}
	observe(Approved)
	rec.Value, err = s.tryCode(ctx, rec.Value, secret.New(answer.Code), verifier)
	switch {
	case err != nil:
		rec.Value = before // nothing was sent
	case rec.Value.Result == TrialNotTaken:
		observe(Refused)
	case rec.Value.Result != TrialUnanswered:
		observe(Redeemed)
	}
	_, replaceErr := s.trials.Replace(context.WithoutCancel(ctx), rec)
	return outcome, errors.Join(err, replaceErr)
}

// answerTrial records that an answer has come. It returns the trial before, too,
// which is the same if the answer changes nothing.
func (s *Service) answerTrial(
	ctx context.Context, owner secret.Text, answer Answer,
) (rec *sealed.Record[Trial], before Trial, err error) {
	rec, err = s.trials.Update(ctx, atTrial(owner), func(rec *sealed.Record[Trial]) error {
		if !rec.Found {
			return ErrUnknown
		}
		before = rec.Value
		if rec.Value = before.after(answer); rec.Value == before {
			return sealed.ErrUnchanged
		}
		if late := time.Now().Add(lateTime); late.After(rec.Expires) {
			rec.Expires = late
		}
		return nil
	})
	return rec, before, err
}

// after returns the trial after an answer.
func (t Trial) after(answer Answer) Trial {
	switch {
	case t.Result != TrialPending && (t.Result != TrialRefused || answer.Code == ""):
		return t
	case answer.Code == "":
		t.Result, t.Error, t.Message = TrialRefused, trialText(answer.Error), trialText(answer.Description)
	default:
		t.Result, t.Error, t.Message, t.since = TrialRedeeming, "", "", time.Now()
	}
	return t
}

// tryCode redeems a code and ends the token. The error is that of a call that was
// not allowed.
func (s *Service) tryCode(ctx context.Context, t Trial, code, verifier secret.Text) (Trial, error) {
	token, err := s.upstream.Redeem(ctx, stackexchange.Redemption{
		ClientID: t.ClientID, RedirectURI: s.config.CallbackURL, Code: code, Verifier: verifier,
	})
	refused, isRefused := errors.AsType[*stackexchange.RefusedError](err)
	switch {
	case isRefused:
		t.Result, t.Error, t.Message = TrialNotTaken, trialText(refused.Type), trialText(refused.Message)
	case errors.Is(err, stackexchange.ErrUnavailable):
		t.Result = TrialUnanswered
	case err != nil:
		return t, err
	default:
		t.Result = TrialUnrevoked
		if ended, err := s.upstream.Invalidate(ctx, token.AccessToken); ended && err == nil {
			t.Result = TrialDone
		}
	}
	return t, nil
}

func trialText(text string) string { return display.Cut(display.Clean(text), maxTrialText) }

// trialVerifier derives the code verifier (RFC 7636), which is stored nowhere.
func trialVerifier(owner secret.Text, state string) secret.Text {
	var verifier [32]byte
	key := secret.Extract(owner)
	key.Expand(verifier[:], "dss trial v1 verifier ", state)
	return secret.Encode(verifier[:])
}

const underTrial = "trial" // a trial, under the secret of its browser

func atTrial(owner secret.Text) *sealed.Slot { return sealed.NewSlot(underTrial, owner) }

func (t Trial) pack() []byte {
	out := sealed.AppendTime([]byte{version, byte(t.Result)}, t.since)
	for _, text := range []string{t.ClientID, t.Scope, t.Note, t.Error, t.Message} {
		out = sealed.AppendText(out, text)
	}
	// Room for the answer, so that a full store takes it.
	return append(out, make([]byte, 2*maxTrialText-len(t.Error)-len(t.Message))...)
}

func unpackTrial(in []byte) (t Trial, err error) {
	r := newReader(in)
	t.Result, t.since = TrialResult(r.Byte(byte(TrialUnrevoked))), r.Time()
	t.ClientID, t.Scope, t.Note, t.Error, t.Message = r.Text(), r.Text(), r.Text(), r.Text(), r.Text()
	for range 2*maxTrialText - len(t.Error) - len(t.Message) {
		r.Byte(0)
	}
	return t, r.End()
}

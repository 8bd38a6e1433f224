package oauth

import (
	"context"
	"fmt"
)

// Delivery is a sign-in whose code goes to a target: a redirect URI that only its
// client may use, and that opens another program than a browser. Stack Exchange may
// have approved without asking, so the code leaves only when the user has said here
// that they want it to, in the browser that the sign-in started in. Until then, nobody
// knows the app's code, and neither code is in an address of this server or on a
// page. The user ends it with [Service.Stop].
type Delivery struct {
	ClientID, RedirectURI string
	Progress              Progress
	Direct                bool // the app redeems at Stack Exchange, which is not seen here
	// Refusal is the address that tells the app that the user has stopped the sign-in;
	// "" while it goes on.
	Refusal string
}

// FindDelivery finds the delivery of a receipt. Errors are [ErrUnknown],
// [ErrWrongBrowser], [ErrInvalidRedirectURI] if the client has this target no more,
// and those of Permit and package sealed.
func (s *Service) FindDelivery(ctx context.Context, receipt string, browser Browser) (Delivery, error) {
	sess, err := s.delivery(ctx, receipt, browser)
	if err != nil {
		return Delivery{}, err
	}
	d := Delivery{
		ClientID: sess.ClientID, RedirectURI: sess.RedirectURI, Progress: sess.progress(), Direct: sess.direct(),
	}
	switch d.Progress {
	case Unused, Undone, Unended:
		sess.Status = denied
		d.Refusal, err = s.toApp(sess, Answer{Error: "access_denied", Description: "the user stopped the sign-in"})
	}
	return d, err
}

// Deliver returns where to send the browser of a user who wants the app to get the
// code. It can be repeated. Errors are those of FindDelivery.
func (s *Service) Deliver(ctx context.Context, receipt string, browser Browser) (string, error) {
	sess, err := s.delivery(ctx, receipt, browser)
	switch {
	case err != nil:
		return "", err
	case sess.progress() != Waiting:
		return "", ErrUnknown
	}
	return s.toApp(sess, Answer{})
}

// delivery returns the session of a receipt, if it may go on.
func (s *Service) delivery(ctx context.Context, receipt string, browser Browser) (session, error) {
	at, owner, _, err := openReceipt(receipt, browser)
	if err != nil {
		return session{}, err
	}
	rec, err := s.sessions.Load(ctx, at)
	sess := rec.Value
	switch {
	case err != nil:
		return session{}, err
	case !rec.Found || !sess.startedBy(owner):
		return session{}, ErrUnknown
	}
	if err := s.permit(ctx, sess.ClientID, sess.grant(), ""); err != nil {
		return session{}, err
	}
	switch {
	case sess.device() || sess.Status == pending:
		return session{}, ErrUnknown
	case !s.isTarget(sess.ClientID, sess.RedirectURI):
		return session{}, fmt.Errorf("%w: the operator lists it no more", ErrInvalidRedirectURI)
	}
	return sess, nil
}

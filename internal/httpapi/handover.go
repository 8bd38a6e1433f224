package httpapi

import (
	"context"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/relay"
	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
	"github.com/desktop-stack-serv/dss/internal/web"
)

// handOver is a sign-in at its end: what a browser deposits belongs to a key.
type handOver struct {
	ctx     context.Context
	space   relay.KeySpace
	key     relay.Key
	browser secret.Text
}

// finish deposits a response. It returns what the page says, and the receipt for the
// page that follows the deposit.
func (s *Server) finish(h handOver, response relay.Response) (web.EndView, string, error) {
	d, err := s.deposit(h, response)
	switch {
	case response.Kind == relay.KindRefusal:
		return web.RefusalView(response.Error), "", err
	case d.Outcome == relay.Conflicted:
		return web.EndContended, "", err
	case d.Receipt == "": // the entry is another browser's
		return web.EndSent, "", err
	}
	return web.EndFinished, d.Receipt, err
}

// cancel deposits a refusal in the place of a response, and ends what the response
// gives access to. It returns what the page says.
func (s *Server) cancel(h handOver, response relay.Response) (web.EndView, error) {
	d, err := s.deposit(h, relay.NewRefusal(api.AccessDenied, "the user cancelled the sign-in"))
	result := s.endAccess(h.ctx, response)
	switch {
	case result == web.EndEnded && err != nil: // the app is not told, and has nothing
		s.log.WarnContext(h.ctx, "refusal not stored after the access had been ended", "err", err)
		err = nil
	case result == web.EndUnused && d.Outcome == relay.TooLate: // the app has the code already
		result = web.EndUnended
	}
	return result, err
}

func (s *Server) deposit(h handOver, response relay.Response) (relay.Deposited, error) {
	if err := s.storing(h.ctx, 1, response.Size()); err != nil {
		return relay.Deposited{}, err
	}
	d, err := s.relay.Deposit(h.ctx, h.space, h.key, response, h.browser)
	if err == nil {
		s.happened(h.ctx, Event{Name: EventDeposit, Kind: response.Kind.String(), Outcome: string(d.Outcome)})
	}
	return d, err
}

// stopTime bounds how long the server tries to end an access. With the deposit it is
// less than [api.AnswerTime].
const stopTime = 10 * time.Second

// endAccess ends the access that a user has given and wants no more, and returns
// what the page says of it. A code is left to die: only the app can redeem it, and
// it does not get it.
func (s *Server) endAccess(ctx context.Context, response relay.Response) web.EndView {
	if response.Kind == relay.KindCode {
		return web.EndUnused
	}
	ctx, cancel := context.WithTimeout(ctx, stopTime)
	defer cancel()
	_, err := s.upstream.Invalidate(ctx, response.Value)
	if err != nil || !stackexchange.IsToken(response.Value.Reveal()) {
		s.log.WarnContext(ctx, "access not ended for a user who stopped", "err", err)
		return web.EndUnended
	}
	s.happened(ctx, Event{Name: EventRevocation, Outcome: Ended})
	return web.EndEnded
}

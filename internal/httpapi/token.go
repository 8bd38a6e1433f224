package httpapi

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/relay"
)

// deliveryTime is how long a client may take to read a response that it has
// claimed, and that is consumed in any case.
const deliveryTime = 5 * time.Second

// claim serves GET and POST /auth/token: it answers with what was deposited under a
// key. A claim that the client's limits refuse consumes nothing.
func (s *Server) claim(w http.ResponseWriter, r *http.Request) error {
	rec := w.(*record)
	c, err := s.parseClaim(rec, r)
	if err != nil {
		return err
	}
	rec.about("key", c.Space, c.Key.Text)
	guess, err := s.limits.Key(rec.client, string(c.Space), c.Key.Reveal())
	if err != nil {
		return err
	}
	leave, err := s.mayWait(rec, c.Wait)
	if err != nil {
		guess.Hit()
		return err
	}
	defer leave()
	claimed, err := s.relay.Claim(rec, c)
	leave()
	if c.Wait > 0 {
		s.waitEnded(rec, err)
	}
	if err != nil {
		return s.missed(rec, guess, err) // also when the client left before the answer
	}
	guess.Hit()
	return s.deliver(rec, r, claimed)
}

// mayWait takes a place for a claim that waits, until leave is called, as often as
// one likes. It gives the connection the time to wait, and leave gives the answer its
// own.
func (s *Server) mayWait(rec *record, wait time.Duration) (leave func(), err error) {
	if wait <= 0 {
		return func() {}, nil
	}
	giveBack, err := s.limits.Wait(rec.client, rec.factor())
	if err != nil {
		return nil, err
	}
	if s.waiters.Add(1) > int64(s.config.MaxWaiters) {
		s.waiters.Add(-1)
		giveBack()
		s.observer.Happened(Event{Name: EventWait, Outcome: WaitFull})
		return nil, errTooManyWaiters
	}
	rec.waited = true
	if s.config.Watch != nil {
		s.config.Watch(rec)
	}
	control := http.NewResponseController(rec)
	// If a read deadline passes while net/http watches the connection, the client
	// seems to have left. Not every writer has deadlines; those without need none.
	_ = control.SetReadDeadline(time.Time{})
	_ = control.SetWriteDeadline(time.Time{})
	left := false
	return func() {
		if left {
			return
		}
		left = true
		s.waiters.Add(-1)
		giveBack()
		_ = control.SetWriteDeadline(time.Now().Add(api.AnswerTime))
	}, nil
}

// waitEnded counts a wait. The audit has no line for waits.
func (s *Server) waitEnded(rec *record, err error) {
	took := time.Since(rec.started)
	s.observer.Happened(Event{Name: EventWait, Outcome: waitOutcome(err), Took: took})
}

func waitOutcome(err error) string {
	switch {
	case err == nil:
		return WaitAnswered
	case errors.Is(err, relay.ErrNoToken):
		return WaitEmpty
	case errors.Is(err, relay.ErrStopped):
		return WaitDrained
	case errors.Is(err, context.Canceled):
		return WaitLeft
	}
	return WaitFailed
}

func (s *Server) parseClaim(rec *record, r *http.Request) (c relay.Claim, err error) {
	p, err := claimParams(rec, r)
	switch {
	case err != nil:
		return c, err
	case prefetched(r):
		return c, errPrefetch
	}
	if c.Key, err = relay.ParseKey(p.get("key"), s.config.WeakKeys); err != nil {
		return c, err
	}
	if c.Space, err = s.keySpace(rec, r, p); err != nil {
		return c, err
	}
	if p.has("verifier") {
		c.Verifier = relay.NewVerifier(p.get("verifier"))
	}
	c.Wait, err = parseWait(p)
	c.Stop = s.draining.Done()
	return c, err
}

func claimParams(w http.ResponseWriter, r *http.Request) (params, error) {
	if r.Method == http.MethodPost {
		return postParams(w, r, "appid", "wait")
	}
	p, err := queryParams(r)
	if err != nil {
		return nil, err
	}
	if p.has("verifier") {
		return nil, invalid("a verifier belongs in the body of a POST, not in a URL, which ends up in logs")
	}
	_, err = readBody(w, r) // net/http watches the connection only after the body
	return p, err
}

func parseWait(p params) (time.Duration, error) {
	text, ok := p.find("wait")
	if !ok {
		return 0, nil
	}
	seconds, err := strconv.ParseUint(text, 10, 16)
	if err != nil || seconds > api.MaxWaitSeconds {
		return 0, &problem{name: api.InvalidWait}
	}
	return time.Duration(seconds) * time.Second, nil
}

// deliver answers with a claimed response. Once writing has begun the client
// may have it, whatever becomes of the connection: over HTTP/2 a client takes an
// answer byte by byte, and can stop after the last one that it needs. So a response
// is put back only for a client that has left before.
func (s *Server) deliver(rec *record, r *http.Request, c *relay.Claimed) (err error) {
	if rec.waited {
		// The goroutine that notices that the client has left may be the next to run. Of the
		// responses that come just after that, this keeps 1 to 3 % more on a busy machine.
		runtime.Gosched()
	}
	outcome := Delivered
	if rec.Err() != nil {
		outcome = s.putBack(rec, c)
		// A client that has only closed its own direction reads what comes,
		// and must not read net/http's empty 200.
		err = context.Canceled
	} else if writeClaimed(rec, r, c) != nil {
		outcome = Interrupted
		rec.problem = clientLeft
	}
	s.happened(rec, Event{Name: EventClaim, Kind: c.Kind.String(), Outcome: outcome})
	return err
}

func (s *Server) putBack(ctx context.Context, c *relay.Claimed) (outcome string) {
	ctx = context.WithoutCancel(ctx)
	if err := s.relay.PutBack(ctx, c); err != nil {
		s.log.ErrorContext(ctx, "response not put back for a client that left", "err", err)
		return Lost
	}
	return PutBack
}

// writeClaimed sends the whole answer, in a bounded time. It fails if the
// connection did not take it, which is not known of a short answer over HTTP/2.
func writeClaimed(rec *record, r *http.Request, c *relay.Claimed) error {
	control := http.NewResponseController(rec)
	_ = control.SetWriteDeadline(time.Now().Add(deliveryTime)) // writers without deadlines need none
	status, body := claimedBody(rec, c)
	setLength(rec.Header(), body)
	if err := writeEncoded(rec, status, body); err != nil || r.ProtoMajor > 1 {
		// Over HTTP/2, net/http sends a short answer with the end of the stream, when
		// the handler returns. A flush before would make that a frame and a write more.
		return err
	}
	return control.Flush()
}

// claimedBody returns the status and the body of an answer with a claimed response.
func claimedBody(rec *record, c *relay.Claimed) (status int, body []byte) {
	var p *problem
	switch c.Kind {
	case relay.KindToken:
		return http.StatusOK, object("access_token", c.Value.Reveal())
	case relay.KindCode:
		return http.StatusOK, object("code", c.Value.Reveal())
	case relay.KindRefusal:
		p = &problem{name: api.AccessDenied, detail: refusalMessage(c.Response)}
	default:
		p = &problem{name: api.KeyConflict}
	}
	rec.problem = p.name
	return p.status(), rec.server.refusals.relay(p)
}

func refusalMessage(r relay.Response) string {
	switch {
	case r.Error == "" && r.Description == "":
		return "access was refused, and nothing says why"
	case r.Description == "":
		return r.Error
	case r.Error == "" || r.Error == api.AccessDenied:
		return r.Description
	}
	return r.Error + ": " + r.Description
}

package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/clientaddr"
	"github.com/desktop-stack-serv/dss/internal/relay"
)

const (
	// answerTime is how long writing an answer may take, after a wait.
	answerTime = 15 * time.Second
	// deliveryTime is how long a client may take for a response that it has
	// claimed, which is claimed whether it takes it or not.
	deliveryTime = 5 * time.Second
)

// getToken serves GET /auth/token.
func (s *Server) getToken(w http.ResponseWriter, r *http.Request) {
	p, err := queryParams(r)
	switch {
	case err != nil:
	case p.has("verifier"):
		err = invalid("a verifier belongs in the body of a POST, not in a URL, which ends up in logs")
	default:
		_, err = readBody(w, r) // there may be one, for nobody
	}
	s.claim(w, r, p, err)
}

// postToken serves POST /auth/token.
func (s *Server) postToken(w http.ResponseWriter, r *http.Request) {
	p, err := postParams(w, r, "appid", "wait")
	s.claim(w, r, p, err)
}

// preflightToken serves OPTIONS /auth/token.
func preflightToken(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Allow", "GET, POST, OPTIONS")
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	h.Set("Access-Control-Allow-Headers", "*")
	h.Set("Access-Control-Max-Age", "86400")
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) claim(w http.ResponseWriter, r *http.Request, p params, err error) {
	var c relay.Claim
	switch {
	case err != nil:
	case prefetched(r):
		err = errPrefetch
	default:
		c, err = s.parseClaim(r, p)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	remember(r.Context(), "key", c.Space, c.Key.Text)
	claimed, err := s.look(w, r, c)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.deliver(w, r, claimed)
}

// look claims within the client's limits. A claim that they refuse consumes
// nothing.
func (s *Server) look(w http.ResponseWriter, r *http.Request, c relay.Claim) (*relay.Claimed, error) {
	from := clientaddr.From(r.Context())
	if c.Wait > 0 {
		waited, err := s.limits.Wait(from)
		if err != nil {
			return nil, err
		}
		defer waited()
	}
	guess, err := s.limits.Key(from, string(c.Space), c.Key.Reveal())
	if err != nil {
		return nil, err
	}
	claimed, err := s.lookOrWait(w, r, c)
	if err != nil {
		return nil, s.missed(r.Context(), guess, err) // also when the client has left before it heard
	}
	guess.Hit()
	return claimed, nil
}

func (s *Server) lookOrWait(w http.ResponseWriter, r *http.Request, c relay.Claim) (*relay.Claimed, error) {
	if c.Wait == 0 {
		return s.relay.Claim(r.Context(), c)
	}
	started := time.Now()
	ctx, done := s.prepareWait(w, r.Context())
	defer done()
	claimed, err := s.relay.Claim(ctx, c)
	s.happened(ctx, Event{Name: EventWait, Outcome: waitOutcome(err), Took: time.Since(started)})
	return claimed, err
}

func waitOutcome(err error) string {
	for _, known := range []struct {
		err     error
		outcome string
	}{
		{nil, WaitAnswered}, {relay.ErrNoToken, WaitEmpty}, {errDraining, WaitDrained},
		{context.Canceled, WaitLeft}, {relay.ErrTooManyWaiters, WaitFull},
	} {
		if errors.Is(err, known.err) {
			return known.outcome
		}
	}
	return WaitFailed
}

func (s *Server) parseClaim(r *http.Request, p params) (c relay.Claim, err error) {
	if c.Key, err = s.config.KeyRules.Parse(p["key"]); err != nil {
		return c, err
	}
	if c.Space, err = s.keySpace(r, p); err != nil {
		return c, err
	}
	if p.has("verifier") {
		c.Verifier = relay.NewVerifier(p["verifier"])
	}
	c.Wait, err = parseWait(p)
	return c, err
}

func parseWait(p params) (time.Duration, error) {
	text, ok := p["wait"]
	if !ok {
		return 0, nil
	}
	seconds, err := strconv.ParseUint(text, 10, 16)
	if err != nil || seconds > api.MaxWaitSeconds {
		return 0, &problem{name: api.InvalidWait}
	}
	return time.Duration(seconds) * time.Second, nil
}

// prepareWait gives the connection the time to wait, and the answer its own
// when that is over, and ties the wait to the server's shutdown.
func (s *Server) prepareWait(w http.ResponseWriter, parent context.Context) (context.Context, func()) {
	noteWait(parent)
	control := http.NewResponseController(w)
	// A read deadline that passes while net/http watches the connection
	// would look like a client that went away. Not every writer has
	// deadlines; those without need none.
	_ = control.SetReadDeadline(time.Time{})
	_ = control.SetWriteDeadline(time.Time{})
	ctx, cancel := context.WithCancelCause(parent)
	stop := context.AfterFunc(s.draining, func() { cancel(errDraining) })
	return ctx, func() {
		stop()
		cancel(nil)
		_ = control.SetWriteDeadline(time.Now().Add(answerTime))
	}
}

// deliver answers with a claimed response. Once writing has begun the client
// may have it, whatever becomes of the connection: over HTTP/2 a client takes an
// answer byte by byte, and can break off behind the last one that it needs. So
// a response is put back only for a client that has left before.
func (s *Server) deliver(w http.ResponseWriter, r *http.Request, c *relay.Claimed) {
	outcome := Delivered
	if r.Context().Err() != nil {
		outcome = s.putBack(r, c)
		// A client that has only closed its own direction reads what comes,
		// and must not read net/http's empty 200.
		s.fail(w, r, context.Canceled)
	} else if err := writeClaimed(w, r, c); err != nil {
		outcome = Interrupted
	}
	if outcome != Delivered {
		note(r.Context(), clientLeft)
	}
	s.happened(r.Context(), Event{Name: EventClaim, Kind: c.Kind.String(), Outcome: outcome})
}

func (s *Server) putBack(r *http.Request, c *relay.Claimed) (outcome string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), answerTime)
	defer cancel()
	if err := s.relay.PutBack(ctx, c); err != nil {
		s.log.ErrorContext(ctx, "response not put back for a client that left", "err", err)
		return Lost
	}
	return PutBack
}

// writeClaimed sends the whole answer, in a bounded time. It fails if the
// connection did not take it.
func writeClaimed(w http.ResponseWriter, r *http.Request, c *relay.Claimed) error {
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(time.Now().Add(deliveryTime)) // writers without deadlines need none
	if err := writeResponse(w, r, c.Response); err != nil {
		return err
	}
	return control.Flush()
}

func writeResponse(w http.ResponseWriter, r *http.Request, c relay.Response) error {
	p := &problem{name: api.AccessDenied, detail: refusalMessage(c)}
	switch c.Kind {
	case relay.KindToken:
		return writeJSON(w, http.StatusOK, api.TokenResponse{AccessToken: c.Value.Reveal()})
	case relay.KindCode:
		return writeJSON(w, http.StatusOK, api.CodeResponse{Code: c.Value.Reveal()})
	case relay.KindConflict:
		p = &problem{name: api.KeyConflict}
	}
	note(r.Context(), p.name)
	return writeJSON(w, p.status(), api.ErrorResponse{Name: p.name, Message: p.message()})
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

var errPrefetch = invalid("a prefetch deposits, claims, starts or finishes nothing")

// prefetched reports whether the browser fetches ahead of the user.
func prefetched(r *http.Request) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		if r.Header.Get(name) != "" {
			return true
		}
	}
	return false
}

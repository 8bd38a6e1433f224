package oauth

import (
	"context"
	"errors"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

func (c clock) pack() []byte {
	out := sealed.AppendTime(sealed.AppendTime(nil, c.Accepted), c.Last)
	for _, b := range []bool{c.Basic, c.Verdict, c.Raised} {
		out = sealed.AppendBool(out, b)
	}
	return out
}

func (c *clock) unpack(in []byte) error {
	r := sealed.NewReader(in)
	c.Accepted, c.Last = r.Time(), r.Time()
	c.Basic, c.Verdict, c.Raised = r.Bool(), r.Bool(), r.Bool()
	return r.End()
}

// sharedPace keeps the clocks in the store, for servers that share one: a
// device may poll any of them. A store that is full has no room for more clocks,
// and each server keeps its own.
type sharedPace struct {
	store sealed.Store
	own   *pace
}

func (p sharedPace) admit(ctx context.Context, id sealed.ID, state string, basic bool, now time.Time) (bool, error) {
	of := secret.New(state)
	for range maxAttempts {
		rec, ok, err := load[clock](ctx, p.store, underPace, of)
		if err != nil {
			return false, err
		}
		verdict, done := true, false
		if ok {
			next := rec.value
			verdict = next.admit(basic, now)
			rec.expires = now.Add(forgetAfter)
			done, err = rec.replace(ctx, p.store, next)
		} else {
			done, err = create(ctx, p.store, underPace, of, newClock(basic, now), now.Add(forgetAfter))
		}
		if errors.Is(err, sealed.ErrFull) {
			return p.own.admit(ctx, id, state, basic, now)
		}
		if err != nil || done {
			return verdict && err == nil, err
		}
	}
	return false, errContended
}

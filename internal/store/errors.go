package store

import (
	"context"
	"errors"

	"github.com/desktop-stack-serv/dss/internal/sealed"
)

// Trouble is an error of an engine in words of ours. It wraps none of a
// driver's types.
type Trouble string

// Error implements error.
func (t Trouble) Error() string { return string(t) }

// Refused returns what Create answers after the error reason: if there is no
// room, that an id is taken, because that needs none.
func Refused(ctx context.Context, s sealed.Store, id sealed.ID, reason error) error {
	if errors.Is(reason, sealed.ErrFull) {
		if _, taken, err := s.Get(ctx, id); err == nil && taken {
			return nil
		}
	}
	return reason
}

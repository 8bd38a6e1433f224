package limit

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// counter counts in a store that several servers share. A count belongs to a
// limit, a client and a stretch of time that begins at the same moment on all
// servers, and is gone with that.
type counter struct{ store sealed.Store }

// maxAttempts bounds how often a count starts over because others changed it.
const maxAttempts = 16

var errContended = errors.New("count kept changing")

// add adds n and returns the count, and how long until it starts anew.
func (c counter) add(ctx context.Context, name string, of network, per time.Duration, n int64) (count int64, left time.Duration, err error) {
	// The client may leave; its guess counts.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), countTime)
	defer cancel()
	now := time.Now()
	stretch := now.UnixNano() / int64(per)
	ends := time.Unix(0, (stretch+1)*int64(per))
	slot, err := sealed.NewSlot("limit "+name, secret.New(fmt.Sprintf("%x %t %d", of.bits, of.six, stretch)))
	if err != nil {
		return 0, 0, err
	}
	for range maxAttempts {
		count, changed, err := c.addOnce(ctx, slot, n, ends)
		if err != nil || changed {
			return count, ends.Sub(now), err
		}
	}
	return 0, 0, errContended
}

// addOnce reports false when somebody else has changed the count.
func (c counter) addOnce(ctx context.Context, slot sealed.Slot, n int64, ends time.Time) (count int64, changed bool, err error) {
	old, there, err := c.store.Get(ctx, slot.ID)
	if err != nil {
		return 0, false, fmt.Errorf("get count: %w", err)
	}
	count = n
	if there {
		count += open(slot, old)
	}
	sealed, err := slot.Seal(binary.BigEndian.AppendUint64(nil, uint64(count)), ends)
	if err != nil {
		return 0, false, err
	}
	ttl := max(time.Until(ends), time.Millisecond)
	if there {
		changed, err = c.store.Replace(ctx, slot.ID, old, sealed, ttl)
	} else {
		changed, err = c.store.Create(ctx, slot.ID, sealed, ttl)
	}
	if err != nil {
		err = fmt.Errorf("store count: %w", err)
	}
	return count, changed, err
}

// open returns the count in a slot. An altered one is none.
func open(slot sealed.Slot, sealed []byte) int64 {
	plain, _, err := slot.Open(sealed)
	if err != nil || len(plain) != 8 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(plain))
}

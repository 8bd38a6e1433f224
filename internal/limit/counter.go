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
// limit, a client and a stretch of time, which begins at the same moment on all
// servers; it expires with that.
type counter struct{ counts sealed.Records[int64] }

func newCounter(vault *sealed.Vault) *counter {
	if vault == nil {
		return nil
	}
	return &counter{sealed.NewRecords(vault, packCount, unpackCount)}
}

func packCount(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

func unpackCount(in []byte) (int64, error) {
	if len(in) != 8 {
		return 0, errors.New("not a count")
	}
	return int64(binary.BigEndian.Uint64(in)), nil
}

// add adds n and returns the count, and how long until it starts anew.
func (c counter) add(ctx context.Context, name string, of network, per time.Duration, n int64) (count int64, left time.Duration, err error) {
	// The guess counts even if the client leaves.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), countTime)
	defer cancel()
	now := time.Now()
	stretch := now.UnixNano() / int64(per)
	ends := time.Unix(0, (stretch+1)*int64(per))
	at := sealed.NewSlot("limit "+name, secret.New(fmt.Sprintf("%x %t %d", of.bits, of.six, stretch)))
	rec, err := c.counts.Update(ctx, at, func(rec *sealed.Record[int64]) error {
		rec.Value, rec.Expires = rec.Value+n, ends
		return nil
	})
	return rec.Value, ends.Sub(now), err
}

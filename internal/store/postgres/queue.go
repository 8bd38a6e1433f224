package postgres

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/desktop-stack-serv/dss/internal/sealed"
)

const (
	// lanes is how many statements of one kind may be under way.
	lanes = 4
	// maxBatch is how many requests share a statement at most.
	maxBatch = 128
)

var errBusy = errors.New("the database did not keep up: nothing was changed")

// request is one caller's operation on one entry.
type request struct {
	id         sealed.ID
	old, value []byte
	expires    int64
	done       chan struct{}
	found      bool // this and the rest are valid after done is closed
	out        []byte
	err        error
}

// queue collects the requests of one kind. While all lanes are taken they
// wait, and then share a statement: one round trip and one commit for many.
//
// The goroutine of a lane ends when no request waits.
type queue struct {
	run     func(batch []*request) error
	single  bool // a batch has one request for an id at most
	working *sync.WaitGroup

	mu      sync.Mutex
	waiting []*request
	running int
}

// do runs r and waits for the outcome. ctx counts until r's turn comes: then
// something may have happened, and the caller must know what.
func (q *queue) do(ctx context.Context, r *request) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.done = make(chan struct{})
	q.add(r)
	ctx, cancel := context.WithTimeoutCause(ctx, queueTime, errBusy)
	defer cancel()
	select {
	case <-r.done:
	case <-ctx.Done():
		if q.withdraw(r) {
			return context.Cause(ctx)
		}
	}
	<-r.done
	return r.err
}

func (q *queue) add(r *request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, r)
	if q.running < lanes {
		q.running++
		q.working.Go(q.work)
	}
}

// withdraw reports whether r was still waiting, and now is not.
func (q *queue) withdraw(r *request) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := slices.Index(q.waiting, r)
	if at < 0 {
		return false
	}
	q.waiting = slices.Delete(q.waiting, at, at+1)
	return true
}

// work runs batches until nothing waits.
func (q *queue) work() {
	for {
		batch := q.next()
		if len(batch) == 0 {
			return
		}
		err := q.run(batch)
		for _, r := range batch {
			r.err = err
			close(r.done)
		}
	}
}

// next returns what waits, in the order of the ids: statements that lock rows
// in one order cannot lock each other out. It gives up the lane when there is
// nothing.
func (q *queue) next() []*request {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.batchSize()
	if n == 0 {
		q.running--
		return nil
	}
	batch := slices.Clone(q.waiting[:n])
	q.waiting = slices.Delete(q.waiting, 0, n)
	slices.SortStableFunc(batch, func(a, b *request) int { return slices.Compare(a.id[:], b.id[:]) })
	return batch
}

func (q *queue) batchSize() int {
	n := min(len(q.waiting), maxBatch)
	if !q.single {
		return n
	}
	seen := make(map[sealed.ID]bool, n)
	for i, r := range q.waiting[:n] {
		if seen[r.id] {
			return i
		}
		seen[r.id] = true
	}
	return n
}

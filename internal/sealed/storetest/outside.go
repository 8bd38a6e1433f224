package storetest

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/store"
)

// notifyTime bounds how long a notification may be under way.
const notifyTime = 10 * time.Second

// callers bounds the calls at one time.
const callers = 256

// Outside runs stores outside the bubble of a synctest test. A store that
// talks to a server has goroutines that wait for the network, and a bubble's
// time stands still while any of its own does. A call from within the bubble
// runs on a goroutine outside, over channels that were made there, so time
// stands still for as long as the call takes, and goes on afterwards. The store
// has the bubble's time.
//
// Notifications are under way when a call has returned; Outside waits for
// them, so that the suite finds them where stores in one process have them.
type Outside struct {
	calls   chan func()
	replies chan chan struct{}
}

// NewOutside is to be called outside the bubble.
func NewOutside(t *testing.T) *Outside {
	o := &Outside{calls: make(chan func()), replies: make(chan chan struct{}, callers)}
	for range callers {
		o.replies <- make(chan struct{})
	}
	var group sync.WaitGroup
	group.Go(func() {
		for call := range o.calls {
			group.Go(call)
		}
	})
	t.Cleanup(func() {
		close(o.calls)
		group.Wait()
	})
	return o
}

// do runs call outside and waits for its end.
func (o *Outside) do(call func()) {
	reply := <-o.replies
	o.calls <- func() {
		call()
		reply <- struct{}{}
	}
	<-reply
	o.replies <- reply
}

// Open opens a store and runs it until the test ends. To be called in the
// bubble.
func (o *Outside) Open(t *testing.T, open func(now func() time.Time) (store.Runner, error)) sealed.Store {
	t.Helper()
	b := &bubble{outside: o, watched: map[sealed.ID][]*forward{}}
	b.setClock()
	var (
		opened store.Runner
		err    error
		stop   func() error
	)
	o.do(func() {
		if opened, err = open(b.now); err == nil {
			stop = run(opened)
		}
	})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		var err error
		o.do(func() { err = stop() })
		if err != nil {
			t.Errorf("end of the store: %v", err)
		}
	})
	return &outsideStore{b, opened}
}

// run runs a store; the function it returns ends it.
func run(opened store.Runner) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- opened.Run(ctx) }()
	return func() error {
		cancel()
		if err := <-done; err != nil {
			return err
		}
		return opened.Close()
	}
}

// outsideStore is the store as the bubble sees it.
type outsideStore struct {
	*bubble
	store sealed.Store
}

// bubble is what a store and its reserve share.
type bubble struct {
	outside *Outside
	clock   atomic.Int64 // the bubble's, Unix nanoseconds

	mu      sync.Mutex
	watched map[sealed.ID][]*forward
}

// forward forwards notifications to a watch in the bubble.
type forward struct {
	ctx  context.Context
	to   chan struct{}
	next atomic.Pointer[chan struct{}] // closed by the next notification
}

func (b *bubble) setClock()      { b.clock.Store(time.Now().UnixNano()) }
func (b *bubble) now() time.Time { return time.Unix(0, b.clock.Load()) }

// call runs f outside, with a context of the outside that is as cancelled as
// ctx.
func (b *bubble) call(ctx context.Context, f func(context.Context)) {
	b.setClock()
	cancelled := ctx.Err() != nil
	b.outside.do(func() {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		if cancelled {
			cancel()
		}
		f(ctx)
	})
}

// change calls f, and waits until all watches of id have been notified if it
// reports true.
func (s *outsideStore) change(
	ctx context.Context, id sealed.ID, f func(context.Context) (bool, error),
) (done bool, err error) {
	s.call(ctx, func(ctx context.Context) {
		arrived := s.expectNotification(id)
		if done, err = f(ctx); done {
			arrived()
		}
	})
	return done, err
}

func (s *outsideStore) Create(ctx context.Context, id sealed.ID, value []byte, ttl time.Duration) (bool, error) {
	return s.change(ctx, id, func(ctx context.Context) (bool, error) {
		return s.store.Create(ctx, id, value, ttl)
	})
}

func (s *outsideStore) Replace(ctx context.Context, id sealed.ID, old, next []byte, ttl time.Duration) (bool, error) {
	return s.change(ctx, id, func(ctx context.Context) (bool, error) {
		return s.store.Replace(ctx, id, old, next, ttl)
	})
}

// Reserve returns the reserve of the store outside.
func (s *outsideStore) Reserve() sealed.Store {
	return &outsideStore{s.bubble, sealed.Reserve(s.store)}
}

func (s *outsideStore) Get(ctx context.Context, id sealed.ID) (value []byte, ok bool, err error) {
	s.call(ctx, func(ctx context.Context) { value, ok, err = s.store.Get(ctx, id) })
	return value, ok, err
}

func (s *outsideStore) Take(ctx context.Context, id sealed.ID) (value []byte, ok bool, err error) {
	s.call(ctx, func(ctx context.Context) { value, ok, err = s.store.Take(ctx, id) })
	return value, ok, err
}

func (s *outsideStore) Watch(ctx context.Context, id sealed.ID) (out <-chan struct{}, err error) {
	var cancel context.CancelFunc
	s.call(ctx, func(context.Context) {
		// The watch outlives the call.
		f := &forward{to: make(chan struct{}, 1)}
		f.ctx, cancel = context.WithCancel(context.Background())
		first := make(chan struct{})
		f.next.Store(&first)
		var in <-chan struct{}
		if in, err = s.store.Watch(f.ctx, id); err != nil {
			return
		}
		s.mu.Lock()
		s.watched[id] = append(s.watched[id], f)
		s.mu.Unlock()
		go f.run(in)
		out = f.to
	})
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { s.outside.do(cancel) })
	return out, nil
}

func (f *forward) run(in <-chan struct{}) {
	for {
		select {
		case <-in:
			select {
			case f.to <- struct{}{}:
			default:
			}
			next := make(chan struct{})
			close(*f.next.Swap(&next))
		case <-f.ctx.Done():
			return
		}
	}
}

// expectNotification returns a function that waits until all present watches of
// id have been notified once more.
func (s *outsideStore) expectNotification(id sealed.ID) (arrived func()) {
	s.mu.Lock()
	watching := slices.Clone(s.watched[id])
	s.mu.Unlock()
	var expected []<-chan struct{}
	for _, f := range watching {
		expected = append(expected, *f.next.Load())
	}
	return func() {
		late := time.After(notifyTime)
		for i, f := range watching {
			select {
			case <-expected[i]:
			case <-f.ctx.Done():
			case <-late:
				return // the test will find out
			}
		}
	}
}

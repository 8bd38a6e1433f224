package storetest

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
)

// notifyTime bounds how long a notification may be under way.
const notifyTime = 10 * time.Second

// callers bounds the calls at one time.
const callers = 256

// Runner is a store with its background work and its end.
type Runner interface {
	sealed.Store
	Run(ctx context.Context) error
	Close() error
}

// Outside runs stores outside the bubble of a synctest test. A store that
// talks to a server has goroutines that wait for the network, and a bubble's
// time stands still while any of its own does. A call from within the bubble
// runs on a goroutine outside, over channels that were made there, so time
// stands still for as long as the call takes, and goes on afterwards. The store
// is told the bubble's time.
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
func (o *Outside) Open(t *testing.T, open func(now func() time.Time) (Runner, error)) sealed.Store {
	t.Helper()
	s := &outsideStore{outside: o, watched: map[sealed.ID][]*forward{}}
	s.setClock()
	var (
		err  error
		stop func() error
	)
	o.do(func() {
		if s.store, err = open(s.now); err == nil {
			stop = run(s.store)
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
	return s
}

// run runs a store; the function it returns ends it.
func run(store Runner) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- store.Run(ctx) }()
	return func() error {
		cancel()
		if err := <-done; err != nil {
			return err
		}
		return store.Close()
	}
}

// outsideStore is the store as the bubble sees it.
type outsideStore struct {
	outside *Outside
	store   Runner
	clock   atomic.Int64 // the bubble's, Unix nanoseconds

	mu      sync.Mutex
	watched map[sealed.ID][]*forward
}

// forward hands notifications on, and counts them.
type forward struct {
	ctx   context.Context
	to    chan struct{}
	mu    sync.Mutex
	count int
	more  chan struct{} // closed at the next notification
}

func (s *outsideStore) setClock()      { s.clock.Store(time.Now().UnixNano()) }
func (s *outsideStore) now() time.Time { return time.Unix(0, s.clock.Load()) }

// call runs f outside, with a context of the outside that is as cancelled as
// ctx.
func (s *outsideStore) call(ctx context.Context, f func(context.Context)) {
	s.setClock()
	cancelled := ctx.Err() != nil
	s.outside.do(func() {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		if cancelled {
			cancel()
		}
		f(ctx)
	})
}

func (s *outsideStore) Create(ctx context.Context, id sealed.ID, value []byte, ttl time.Duration) (created bool, err error) {
	s.call(ctx, func(ctx context.Context) {
		arrived := s.expectNotification(id)
		if created, err = s.store.Create(ctx, id, value, ttl); created {
			arrived()
		}
	})
	return created, err
}

// Reserve returns the reserve of the store outside.
func (s *outsideStore) Reserve() sealed.Store {
	return outsideReserve{s, s.store.(reserving).Reserve()}
}

type outsideReserve struct {
	*outsideStore
	reserve sealed.Store
}

func (r outsideReserve) Create(ctx context.Context, id sealed.ID, value []byte, ttl time.Duration) (created bool, err error) {
	r.call(ctx, func(ctx context.Context) { created, err = r.reserve.Create(ctx, id, value, ttl) })
	return created, err
}

func (s *outsideStore) Replace(ctx context.Context, id sealed.ID, old, next []byte, ttl time.Duration) (replaced bool, err error) {
	s.call(ctx, func(ctx context.Context) {
		arrived := s.expectNotification(id)
		if replaced, err = s.store.Replace(ctx, id, old, next, ttl); replaced {
			arrived()
		}
	})
	return replaced, err
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
		var watching context.Context
		watching, cancel = context.WithCancel(context.Background())
		var in <-chan struct{}
		if in, err = s.store.Watch(watching, id); err != nil {
			return
		}
		f := &forward{ctx: watching, to: make(chan struct{}, 1), more: make(chan struct{})}
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
			f.mu.Lock()
			f.count++
			close(f.more)
			f.more = make(chan struct{})
			f.mu.Unlock()
		case <-f.ctx.Done():
			return
		}
	}
}

// beyond waits until more than count notifications have come.
func (f *forward) beyond(ctx context.Context, count int) {
	for {
		f.mu.Lock()
		more, enough := f.more, f.count > count
		f.mu.Unlock()
		if enough {
			return
		}
		select {
		case <-more:
		case <-f.ctx.Done():
			return
		case <-ctx.Done():
			return // the test will find out
		}
	}
}

// expectNotification returns a function that waits until everyone who watches
// id now has been notified once more.
func (s *outsideStore) expectNotification(id sealed.ID) (arrived func()) {
	s.mu.Lock()
	watching := append([]*forward(nil), s.watched[id]...)
	s.mu.Unlock()
	counts := make([]int, len(watching))
	for i, f := range watching {
		f.mu.Lock()
		counts[i] = f.count
		f.mu.Unlock()
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), notifyTime)
		defer cancel()
		for i, f := range watching {
			f.beyond(ctx, counts[i])
		}
	}
}

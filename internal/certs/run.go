package certs

import (
	"context"
	"crypto/tls"
	"sync"
	"time"
)

// Run implements [Source]: it keeps the host's certificate current, and orders
// those that handshakes ask for.
func (a *ACME) Run(ctx context.Context) error {
	var running sync.WaitGroup
	for range workers {
		running.Go(func() { a.work(ctx) })
	}
	for sleep(ctx, a.keep(ctx)) {
	}
	running.Wait()
	for {
		select {
		case name := <-a.queue:
			a.settle(ctx, name, nil, context.Cause(ctx))
		default:
			return nil
		}
	}
}

// keep orders the host's certificate if that is due, and returns when to look
// again.
func (a *ACME) keep(ctx context.Context) time.Duration {
	cert, err := a.known(ctx, a.config.Host)
	if err != nil {
		a.config.Log.Error("certificates not readable", "err", err, "again_in", unreachablePause)
		return unreachablePause
	}
	if cert != nil && !due(cert) {
		return min(time.Until(renewal(cert)), lookAgain)
	}
	j, err := a.begin(a.config.Host, false)
	if err != nil {
		return a.pauseLeft(a.config.Host)
	}
	select {
	case <-ctx.Done():
	case <-j.done:
	}
	return time.Second
}

// pauseLeft is at least a second.
func (a *ACME) pauseLeft(name string) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return min(max(time.Until(a.site(name).pause.until), time.Second), lookAgain)
}

// begin orders a certificate, or returns the order under way. A name that is
// bounded counts against the quota.
func (a *ACME) begin(name string, bounded bool) (*job, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := a.sites[name]; s != nil {
		if s.job != nil {
			return s.job, nil
		}
		if err := s.pause.check(); err != nil {
			return nil, err
		}
		bounded = bounded && s.pause.failures == 0 // it has been counted
	}
	if len(a.queue) == cap(a.queue) {
		return nil, errBusy
	}
	if bounded && !a.quota.take() {
		return nil, errQuota
	}
	j := &job{done: make(chan struct{})}
	a.site(name).job = j
	a.queue <- name // has room, as only holders of mu send
	return j, nil
}

// work does what is in the queue.
func (a *ACME) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case name := <-a.queue:
			cert, err := a.obtain(ctx, name)
			a.settle(ctx, name, cert, err)
		}
	}
}

// settle ends an order.
func (a *ACME) settle(ctx context.Context, name string, cert *tls.Certificate, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.site(name)
	j := s.job
	s.job, j.cert, j.err = nil, cert, err
	if err == nil {
		s.cert, s.pause = cert, pause{}
	} else if ctx.Err() == nil {
		wait := s.pause.failed(err)
		a.config.Log.Error("certificate not obtained", "host", name, "err", err, "again_in", wait,
			"has_one", live(s.cert))
	}
	close(j.done)
}

// obtain returns a certificate that is not due for renewal: a new one, or one
// that another server has stored.
func (a *ACME) obtain(ctx context.Context, name string) (cert *tls.Certificate, err error) {
	err = a.locked(ctx, name, func(ctx context.Context) error {
		if cert, err = a.stored(ctx, name); err != nil || (cert != nil && !due(cert)) {
			return err
		}
		data, err := a.order(ctx, name)
		if err != nil {
			return err
		}
		if cert, err = decodePair(data, name); err != nil {
			return err
		}
		a.config.Log.Info("certificate obtained", "host", name, "expires", cert.Leaf.NotAfter)
		if err := a.config.Storage.Put(ctx, name, data, keepTime); err != nil {
			// It is good all the same, and the authority has counted it.
			a.config.Log.Error("certificate not stored", "host", name, "err", err)
		}
		return nil
	})
	return cert, err
}

// locked does something that one server at a time may do.
func (a *ACME) locked(ctx context.Context, name string, do func(context.Context) error) error {
	for {
		unlock, ok, err := a.config.Storage.Lock(ctx, name)
		if err != nil {
			return err
		}
		if ok {
			defer unlock()
			ctx, cancel := context.WithTimeout(ctx, orderTime)
			defer cancel()
			return do(ctx)
		}
		if !sleep(ctx, time.Second) {
			return context.Cause(ctx)
		}
	}
}

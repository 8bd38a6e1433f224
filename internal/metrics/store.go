package metrics

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/desktop-stack-serv/dss/internal/sealed"
)

// Capacity is how much a store may hold.
type Capacity struct{ Entries, Bytes int64 }

// Store returns a store that keeps its entries in s and measures s. If s
// knows its usage, that is shown next to its capacity. Call it once.
func (m *Metrics) Store(s sealed.Store, capacity Capacity) sealed.Store {
	took := m.histograms("dss_store_operation_duration_seconds",
		"How long the store took, by operation.", quick, "operation")
	errs := m.counters("dss_store_errors_total",
		"Operations the store failed at, by operation: because it is full, or for another reason.", "operation", "reason")
	operation := func(name string) operation {
		full, failed := errs.WithLabelValues(name, "full"), errs.WithLabelValues(name, "failed")
		return operation{took.WithLabelValues(name), full, failed}
	}
	if u, ok := s.(interface{ Usage() (entries, bytes int64) }); ok {
		m.usage(u.Usage, capacity)
	}
	return &store{s, operation("create"), operation("get"), operation("take"), operation("replace"), operation("watch")}
}

func (m *Metrics) usage(usage func() (entries, bytes int64), capacity Capacity) {
	m.gaugeOf("dss_store_entries", "Entries in the store.",
		func() float64 { entries, _ := usage(); return float64(entries) })
	m.gaugeOf("dss_store_bytes", "Size of the entries in the store, and 256 bytes for each.",
		func() float64 { _, bytes := usage(); return float64(bytes) })
	m.gauges("dss_store_entries_limit", "Entries the store may hold (--max-entries).").
		WithLabelValues().Set(float64(capacity.Entries))
	m.gauges("dss_store_bytes_limit", "Size of the entries the store may hold.").
		WithLabelValues().Set(float64(capacity.Bytes))
}

// operation is what one operation of a store counts in.
type operation struct {
	took         prometheus.Observer
	full, failed prometheus.Counter
}

// done counts an operation that returned *err. A caller that left is not a failure.
func (o operation) done(started time.Time, err *error) {
	o.took.Observe(time.Since(started).Seconds())
	switch {
	case *err == nil, errors.Is(*err, context.Canceled):
	case errors.Is(*err, sealed.ErrFull):
		o.full.Inc()
	default:
		o.failed.Inc()
	}
}

// store measures another.
type store struct {
	sealed.Store
	create, get, take, replace, watch operation
}

// Reserve returns the measured store's reserve, measured with it.
func (s *store) Reserve() sealed.Store {
	reserve := *s
	reserve.Store = sealed.Reserve(s.Store)
	return &reserve
}

// Create implements [sealed.Store].
func (s *store) Create(
	ctx context.Context, id sealed.ID, value []byte, ttl time.Duration,
) (created bool, err error) {
	defer s.create.done(time.Now(), &err)
	return s.Store.Create(ctx, id, value, ttl)
}

// Get implements [sealed.Store].
func (s *store) Get(ctx context.Context, id sealed.ID) (value []byte, ok bool, err error) {
	defer s.get.done(time.Now(), &err)
	return s.Store.Get(ctx, id)
}

// Take implements [sealed.Store].
func (s *store) Take(ctx context.Context, id sealed.ID) (value []byte, ok bool, err error) {
	defer s.take.done(time.Now(), &err)
	return s.Store.Take(ctx, id)
}

// Replace implements [sealed.Store].
func (s *store) Replace(
	ctx context.Context, id sealed.ID, old, next []byte, ttl time.Duration,
) (replaced bool, err error) {
	defer s.replace.done(time.Now(), &err)
	return s.Store.Replace(ctx, id, old, next, ttl)
}

// Watch implements [sealed.Store].
func (s *store) Watch(ctx context.Context, id sealed.ID) (woken <-chan struct{}, err error) {
	defer s.watch.done(time.Now(), &err)
	return s.Store.Watch(ctx, id)
}

package redis

import (
	"sync"

	"github.com/desktop-stack-serv/dss/internal/sealed"
)

// topics is what this server wants to be told of, and how far the
// subscription has come. It is safe for concurrent use.
type topics struct {
	mu      sync.Mutex
	byID    map[sealed.ID]*topic
	changed []sealed.ID   // to subscribe to or to unsubscribe from
	kick    chan struct{} // receives when there is something to do
	down    chan struct{} // closed while there is no subscription
}

// topic is one id.
type topic struct {
	watchers int
	asked    bool          // it is part of a subscription on the present connection
	inForce  chan struct{} // closed when it has been in force once
}

func newTopics() *topics {
	down := make(chan struct{})
	close(down)
	return &topics{byID: map[sealed.ID]*topic{}, kick: make(chan struct{}, 1), down: down}
}

// add counts one more who watches id. The first channel it returns is closed
// when the topic is subscribed to, the second when that has to wait for a
// connection.
func (t *topics) add(id sealed.ID) (inForce, down <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	is := t.byID[id]
	if is == nil {
		is = &topic{inForce: make(chan struct{})}
		t.byID[id] = is
		t.change(id)
	}
	is.watchers++
	return is.inForce, t.down
}

// remove counts one less.
func (t *topics) remove(id sealed.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	is := t.byID[id]
	if is.watchers--; is.watchers == 0 {
		t.change(id)
	}
}

func (t *topics) change(id sealed.ID) {
	t.changed = append(t.changed, id)
	t.wake()
}

func (t *topics) wake() {
	select {
	case t.kick <- struct{}{}:
	default:
	}
}

// next returns up to limit ids to subscribe to, and as many to unsubscribe
// from. Its caller is to do both before it asks again.
func (t *topics) next(limit int) (subscribe, unsubscribe []sealed.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.changed) > 0 && len(subscribe) < limit && len(unsubscribe) < limit {
		id := t.changed[0]
		t.changed = t.changed[1:]
		is := t.byID[id]
		switch {
		case is == nil: // came and went
		case is.watchers > 0 && !is.asked:
			is.asked = true
			subscribe = append(subscribe, id)
		case is.watchers == 0:
			delete(t.byID, id)
			if is.asked {
				unsubscribe = append(unsubscribe, id)
			}
		}
	}
	if len(t.changed) > 0 {
		t.wake()
	}
	return subscribe, unsubscribe
}

// confirm says that the subscription to ids is in force.
func (t *topics) confirm(ids []sealed.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range ids {
		is := t.byID[id]
		if is == nil {
			continue // nobody waits any more
		}
		select {
		case <-is.inForce:
		default:
			close(is.inForce)
		}
	}
}

// restart makes all topics wait for a subscription on a new connection.
func (t *topics) restart() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.changed = nil
	for id, is := range t.byID {
		is.asked = false
		t.change(id)
	}
}

// up reports whether there is a subscription.
func (t *topics) up() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-t.down:
		return false
	default:
		return true
	}
}

// setUp says that a connection is there, with everything subscribed to.
func (t *topics) setUp() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.down = make(chan struct{})
}

// setDown says that it is lost.
func (t *topics) setDown() {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-t.down:
	default:
		close(t.down)
	}
}

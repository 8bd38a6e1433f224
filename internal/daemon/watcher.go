package daemon

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/desktop-stack-serv/dss/internal/clientaddr"
)

// watchAfter is how long a request may take that does not wait, before somebody looks
// whether its client is still there.
const watchAfter = 20 * time.Millisecond

// watcher is how a connection learns that its client leaves. As long as it serves a
// request, net/http reads one byte in the background, and ends the request's context if
// that fails. For a request that waits for a disk, that read begins, parks, is
// interrupted and awaited, a tenth of what a deposit or a claim on SQLite costs. So here
// it returns at once, with nothing, and only where a request takes longer does the
// watcher read that byte.
type watcher struct {
	read  func([]byte) (int, error)
	leave context.CancelFunc // ends the context of the connection's requests

	mu    sync.Mutex
	timer *time.Timer
	due   bool          // the timer will begin to read, unless the next read comes first
	soon  bool          // it is to begin without the timer
	done  chan struct{} // closed when the read that has begun is over; nil if none has
	byte  [1]byte       // what was read,
	n     int           // if this is 1
}

// connContext is a [http.Server.ConnContext]. What it returns ends when a watcher sees the
// client leave.
func connContext(ctx context.Context, conn net.Conn) context.Context {
	ctx = clientaddr.ConnContext(ctx, conn)
	if lazy, ok := conn.(*lazyConn); ok { // over TLS, net/http does not read it itself
		w := &watcher{read: lazy.read}
		lazy.watcher = w
		ctx, w.leave = context.WithCancel(context.WithValue(ctx, watcherKey{}, w))
	}
	return ctx
}

type watcherKey struct{}

// watchClient is for a request that waits. Its client may leave at once, and then it must
// get nothing.
func watchClient(ctx context.Context) {
	if w, ok := ctx.Value(watcherKey{}).(*watcher); ok {
		w.hurry()
	}
}

func (w *watcher) hurry() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.soon = true
	if w.due {
		w.timer.Reset(0)
	}
}

// begin reports whether a read of one byte may return nothing. One that follows another
// may not: then net/http fills a buffer that has room for one byte.
func (w *watcher) begin() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.soon || w.due || w.done != nil {
		return false
	}
	w.due = true
	if w.timer == nil {
		w.timer = time.AfterFunc(watchAfter, w.run)
	} else {
		w.timer.Reset(watchAfter)
	}
	return true
}

func (w *watcher) run() {
	w.mu.Lock()
	if !w.due {
		w.mu.Unlock()
		return
	}
	w.due, w.done = false, make(chan struct{})
	w.mu.Unlock()

	n, err := w.read(w.byte[:])

	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) { // a deadline is for the read that waits for this one
		w.leave()
	}
	w.n = n
	close(w.done)
}

// end comes before a read that must return something. It waits for the read that has
// begun, if any, and returns what that has read.
func (w *watcher) end(b []byte) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.due {
		w.due = false
		w.timer.Stop()
	}
	w.soon = false
	if w.done == nil {
		return 0
	}
	w.mu.Unlock()
	<-w.done
	w.mu.Lock()
	n = copy(b, w.byte[:w.n])
	w.done, w.n = nil, 0
	return n
}

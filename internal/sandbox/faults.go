package sandbox

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"sync"
)

// Class is a group of endpoints that fail together.
type Class string

// The classes.
const (
	ClassToken Class = "token" // /sandbox/oauth/access_token and /json
	ClassAPI   Class = "api"   // /sandbox/2.3/
)

// FaultKind is a way to fail.
type FaultKind string

// The kinds of faults; the zero one is none.
const (
	FaultStatus   FaultKind = "status"   // an HTML page with Fault.Status
	FaultHang     FaultKind = "hang"     // no answer until the client goes away
	FaultGarbage  FaultKind = "garbage"  // 200 and something that is not an answer
	FaultHuge     FaultKind = "huge"     // 1 GB of white space before a brace
	FaultGzipBomb FaultKind = "gzipbomb" // the same, compressed
	FaultRedirect FaultKind = "redirect" // a redirect to Fault.Target
	FaultBackoff  FaultKind = "backoff"  // good answers with a backoff field of Fault.Seconds; ClassAPI only
)

// Fault is an outage on demand.
type Fault struct {
	Kind    FaultKind
	Status  int
	Target  string
	Seconds int
}

// SetFault makes the endpoints of a class fail from now on; the zero Fault
// ends that. It is safe at any time.
func (s *Sandbox) SetFault(class Class, fault Fault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	if s.faults.now == nil {
		s.faults.now = map[Class]Fault{}
	}
	s.faults.now[class] = fault
}

type faults struct {
	mu  sync.Mutex
	now map[Class]Fault
}

func (f *faults) of(class Class) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now[class]
}

// strike answers with the fault of class, if there is one that does.
func (f *faults) strike(w http.ResponseWriter, r *http.Request, class Class) bool {
	fault := f.of(class)
	switch fault.Kind {
	case FaultStatus:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(fault.Status)
		_, _ = io.WriteString(w, "<html><h1>Sandbox: we are offline for maintenance</h1></html>")
	case FaultHang:
		<-r.Context().Done()
	case FaultGarbage:
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = io.WriteString(w, "\x1f\x8b<!doctype html><title>Sandbox garbage</title>")
	case FaultHuge:
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		writeGigabyte(w)
	case FaultGzipBomb:
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Content-Encoding", "gzip")
		bomb := gzip.NewWriter(w)
		writeGigabyte(bomb)
		_ = bomb.Close()
	case FaultRedirect:
		w.Header().Set("Location", fault.Target)
		w.WriteHeader(http.StatusFound)
	default:
		return false
	}
	return true
}

// writeGigabyte stops when the client does.
func writeGigabyte(w io.Writer) {
	chunk := strings.Repeat(" ", 1<<20)
	for range 1 << 10 {
		if _, err := io.WriteString(w, chunk); err != nil {
			return
		}
	}
	_, _ = io.WriteString(w, "{}")
}

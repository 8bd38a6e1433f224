// Package outage is a fake Stack Exchange that fails on demand.
package outage

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"github.com/desktop-stack-serv/dss/internal/sandbox"
)

// Class is a group of endpoints that fail together.
type Class string

// The classes.
const (
	ClassToken Class = "token" // /sandbox/oauth/access_token and /json
	ClassAPI   Class = "api"   // /sandbox/2.3/
)

// Classes are all classes.
var Classes = []Class{ClassToken, ClassAPI}

func classOf(path string) Class {
	switch {
	case strings.HasPrefix(path, "/sandbox/oauth/access_token"):
		return ClassToken
	case strings.HasPrefix(path, "/sandbox/2.3"):
		return ClassAPI
	}
	return ""
}

// Kind is a way to fail.
type Kind string

// The kinds of faults; the zero one is none.
const (
	Status   Kind = "status"   // an HTML page with Fault.Status
	Hang     Kind = "hang"     // no answer until the client goes away
	Garbage  Kind = "garbage"  // 200 and something that is not an answer
	Huge     Kind = "huge"     // 1 GB of white space before a brace
	GzipBomb Kind = "gzipbomb" // the same, compressed
	Redirect Kind = "redirect" // a redirect to Fault.Target
	Backoff  Kind = "backoff"  // good answers with a backoff field of Fault.Seconds; ClassAPI only
)

// Fault is what is wrong with a class.
type Fault struct {
	Kind    Kind
	Status  int
	Target  string
	Seconds int
}

// Sandbox is a [sandbox.Sandbox] with faults, over a connection and without.
type Sandbox struct {
	sandbox *sandbox.Sandbox

	mu     sync.Mutex
	faults map[Class]Fault
}

// New returns a sandbox without faults, but with everything that Stack Exchange
// is known to do at times.
func New() *Sandbox {
	return &Sandbox{sandbox: sandbox.New(sandbox.Config{Nasty: true}), faults: map[Class]Fault{}}
}

// SetFault makes the endpoints of a class fail from now on; the zero Fault ends
// that. It is safe at any time.
func (s *Sandbox) SetFault(class Class, fault Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[class] = fault
}

func (s *Sandbox) fault(r *http.Request) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults[classOf(r.URL.Path)]
}

// ServeHTTP implements [http.Handler].
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fault := s.fault(r)
	if fault.Kind == "" {
		s.sandbox.ServeHTTP(w, r)
		return
	}
	recorder := httptest.NewRecorder()
	if fault.Kind == Backoff {
		s.sandbox.ServeHTTP(recorder, r)
	} else {
		// An asset has the headers that every answer of the sandbox has.
		asset := r.Clone(r.Context())
		asset.Method, asset.URL.Path, asset.URL.RawPath = http.MethodHead, "/sandbox/sandbox.css", ""
		s.sandbox.ServeHTTP(recorder, asset)
	}
	answer, err := fault.answer(r, recorder.Result())
	if err != nil {
		return
	}
	defer answer.Body.Close()
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = io.Copy(w, answer.Body) // until the client goes away
}

// RoundTrip implements [http.RoundTripper].
func (s *Sandbox) RoundTrip(r *http.Request) (*http.Response, error) {
	switch fault := s.fault(r); fault.Kind {
	case "":
		return s.sandbox.RoundTrip(r)
	case Backoff:
		good, err := s.sandbox.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		return fault.answer(r, good)
	default:
		if r.Body != nil {
			r.Body.Close()
		}
		return fault.answer(r, &http.Response{Header: http.Header{}, Body: http.NoBody})
	}
}

// answer returns the answer with a fault, on the base of a good one.
func (f Fault) answer(r *http.Request, good *http.Response) (*http.Response, error) {
	response := &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: good.Header, Body: http.NoBody, ContentLength: -1, Request: r,
	}
	for _, name := range []string{"Content-Type", "Content-Length", "Accept-Ranges"} {
		response.Header.Del(name)
	}
	give := func(kind string, body io.Reader) {
		response.Header.Set("Content-Type", kind+"; charset=utf-8")
		response.Body = io.NopCloser(body)
	}
	switch f.Kind {
	case Status:
		response.StatusCode = f.Status
		give("text/html", strings.NewReader("<html><h1>Sandbox: we are offline for maintenance</h1></html>"))
	case Hang:
		<-r.Context().Done()
		return nil, r.Context().Err()
	case Garbage:
		give("application/json", strings.NewReader("\x1f\x8b<!doctype html><title>Sandbox garbage</title>"))
	case Huge:
		give("application/json", gigabyte(r.Context()))
	case GzipBomb:
		response.Header.Set("Content-Encoding", "gzip")
		out, in := io.Pipe()
		go func() {
			bomb := gzip.NewWriter(in)
			_, err := io.Copy(bomb, gigabyte(r.Context()))
			_ = bomb.Close()
			_ = in.CloseWithError(err)
		}()
		give("application/json", out)
		response.Body = out
	case Redirect:
		response.StatusCode = http.StatusFound
		response.Header.Set("Location", f.Target)
	case Backoff:
		response.StatusCode = good.StatusCode
		body, err := withBackoff(good.Body, f.Seconds)
		if err != nil {
			return nil, err
		}
		give("application/json", body)
	}
	return response, nil
}

// gigabyte is white space before a brace, until ctx ends.
func gigabyte(ctx context.Context) io.Reader {
	return io.MultiReader(io.LimitReader(space{ctx}, 1<<30), strings.NewReader("{}"))
}

type space struct{ ctx context.Context }

// Read implements [io.Reader].
func (s space) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), s.ctx.Err()
}

// withBackoff adds the field to a compressed answer.
func withBackoff(packed io.Reader, seconds int) (io.Reader, error) {
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		return nil, err
	}
	var fields map[string]any
	if err := json.NewDecoder(unpacked).Decode(&fields); err != nil {
		return nil, err
	}
	if fields["items"] != nil {
		fields["backoff"] = seconds
	}
	var body bytes.Buffer
	compressor := gzip.NewWriter(&body)
	if err := json.NewEncoder(compressor).Encode(fields); err != nil {
		return nil, err
	}
	return &body, compressor.Close()
}

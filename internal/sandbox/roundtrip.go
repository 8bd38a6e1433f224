package sandbox

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
)

// RoundTrip implements [http.RoundTripper]. It serves a request of this
// process itself, whatever host it names: nothing has to be dialled, and no
// certificate to be trusted.
func (s *Sandbox) RoundTrip(r *http.Request) (*http.Response, error) {
	body, out := io.Pipe()
	w := &pipeWriter{out: out, header: http.Header{}, status: make(chan int, 1)}
	stop := context.AfterFunc(r.Context(), func() { _ = out.CloseWithError(r.Context().Err()) })
	go func() {
		defer stop()
		in := received(r)
		s.ServeHTTP(w, in)
		w.WriteHeader(http.StatusOK)
		_ = out.Close()
		_ = in.Body.Close()
	}()
	select {
	case status := <-w.status:
		return &http.Response{
			StatusCode: status, Status: strconv.Itoa(status) + " " + http.StatusText(status),
			Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: w.sent, Body: body, ContentLength: -1, Request: r,
		}, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// received is r as a server sees it.
func received(r *http.Request) *http.Request {
	in := r.Clone(r.Context())
	in.Host, in.RemoteAddr = r.URL.Host, inProcess
	in.URL = &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	in.RequestURI = in.URL.RequestURI()
	if in.Body == nil {
		in.Body = http.NoBody
	}
	return in
}

// inProcess is the address of a client that has no connection, and that of a
// net.Pipe.
const inProcess = "pipe"

// pipeWriter sends an answer over a pipe.
type pipeWriter struct {
	out    *io.PipeWriter
	header http.Header
	once   sync.Once
	sent   http.Header
	status chan int
}

// Header implements [http.ResponseWriter].
func (w *pipeWriter) Header() http.Header { return w.header }

// WriteHeader implements [http.ResponseWriter].
func (w *pipeWriter) WriteHeader(status int) {
	w.once.Do(func() {
		w.sent = w.header.Clone()
		w.status <- status
	})
}

// Write implements [http.ResponseWriter].
func (w *pipeWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.out.Write(b)
}

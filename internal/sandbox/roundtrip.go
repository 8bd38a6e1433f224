package sandbox

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// RoundTrip implements [http.RoundTripper]. It serves a request of this
// process itself, whatever host it names: there is nothing to dial, and no
// certificate to trust.
func (s *Sandbox) RoundTrip(r *http.Request) (*http.Response, error) {
	w := &recorder{header: http.Header{}, status: http.StatusOK}
	in := received(r)
	defer in.Body.Close()
	s.ServeHTTP(w, in)
	return &http.Response{
		StatusCode: w.status, Status: strconv.Itoa(w.status) + " " + http.StatusText(w.status),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}, nil
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

// inProcess is the address of a client without a connection, and that of a
// net.Pipe.
const inProcess = "pipe"

// recorder keeps an answer. It is an [http.ResponseWriter].
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header         { return w.header }
func (w *recorder) WriteHeader(status int)      { w.status = status }
func (w *recorder) Write(b []byte) (int, error) { return w.body.Write(b) }

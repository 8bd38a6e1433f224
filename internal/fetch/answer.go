package fetch

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/internal/display"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// maxAnswer bounds a body, compressed and not, in bytes.
const maxAnswer = 64 << 10

// maxRetryAfter bounds what [Answer.RetryAfter] returns.
const maxRetryAfter = time.Hour

// Answer is an answer whose body has been read.
type Answer struct {
	Status   int
	Header   http.Header
	Location *url.URL // where it redirects to; nil if it does not
	Body     []byte   // nil if it is too large, or compressed in an unknown way

	host    string
	secrets []secret.Text
}

// unpack bounds both sides of the compression: the bytes that came in, as empty
// gzip members unpack to nothing, and those they unpack to.
func unpack(body []byte, encoding string) []byte {
	unpacked, err := unpacker(body[:min(len(body), maxAnswer)], strings.ToLower(encoding))
	if err == nil && unpacked != nil {
		body, err = io.ReadAll(io.LimitReader(unpacked, maxAnswer+1))
	}
	if err != nil || len(body) > maxAnswer {
		return nil
	}
	return body
}

// gzipMagic begins gzip (RFC 1952 section 2.3.1), and no text.
var gzipMagic = []byte{0x1f, 0x8b}

// unpacker returns nil for a body that is not compressed. Some servers compress
// in a way that was not asked for, some proxies lose the header that says so, and
// some servers' deflate lacks the frame of zlib (RFC 9110 section 8.4.1.2).
func unpacker(body []byte, encoding string) (io.Reader, error) {
	packed := bytes.NewReader(body)
	switch encoding {
	case "", "identity":
		if !bytes.HasPrefix(body, gzipMagic) {
			return nil, nil
		}
		return gzip.NewReader(packed)
	case "gzip", "x-gzip":
		return gzip.NewReader(packed)
	case "deflate":
		if framed, err := zlib.NewReader(packed); err == nil {
			return framed, nil
		}
		return flate.NewReader(bytes.NewReader(body)), nil
	}
	return nil, errors.ErrUnsupported
}

// String says who answered and how, such as "auth.example.org answers 502 Bad
// Gateway with text/html (Server: nginx)". It has nothing of the body.
func (a *Answer) String() string {
	text := a.host + " answers " + statusText(a.Status)
	if a.Location != nil {
		text += " to " + a.Location.Scheme + "://" + a.Location.Host
	}
	kind, _, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if err == nil && harmless(kind) && kind != "application/json" {
		text += " with " + kind
	}
	var details []string
	if server := a.Header.Get("Server"); harmless(server) {
		details = append(details, "Server: "+server)
	}
	if id := a.RequestID(); id != "" {
		details = append(details, "request "+id)
	}
	if len(details) > 0 {
		text += " (" + strings.Join(details, ", ") + ")"
	}
	return secret.Redact(text, a.secrets...)
}

// RequestID is what the server's log calls the request; "" if it does not say.
func (a *Answer) RequestID() string {
	if id := a.Header.Get("X-Request-Id"); harmless(id) {
		return secret.Redact(id, a.secrets...)
	}
	return ""
}

// RetryAfter reads the Retry-After of an answer that is not a success: seconds,
// or a date (RFC 9110 section 10.2.3), which counts from the answer's own Date:
// our clock may be another. It is 0 if there is none, and an hour at most.
func (a *Answer) RetryAfter() time.Duration {
	text := a.Header.Get("Retry-After")
	if a.Status < 300 || text == "" {
		return 0
	}
	if date, err := http.ParseTime(text); err == nil {
		now, err := http.ParseTime(a.Header.Get("Date"))
		if err != nil {
			now = time.Now()
		}
		return min(max(date.Sub(now), 0), maxRetryAfter)
	}
	seconds, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(min(seconds, uint64(maxRetryAfter/time.Second))) * time.Second
}

// Clean makes a text of the answer fit to be shown.
func (a *Answer) Clean(text string) string { return secret.Redact(display.Clean(text), a.secrets...) }

// harmless reports whether text from a header is short and plain: it cannot
// steer a terminal.
func harmless(text string) bool {
	const longest = 40 // bytes
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:/+() "
	return text != "" && len(text) <= longest && strings.Trim(text, plain) == ""
}

// statusText is such as 502 Bad Gateway.
func statusText(status int) string {
	return strings.TrimSpace(fmt.Sprint(status, " ", http.StatusText(status)))
}

package sandbox

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxBody bounds the body of a request, in bytes.
const maxBody = 8 << 10

var (
	errUndecodable = errors.New("the parameters cannot be decoded: write & between them and %XX for special characters")
	errTooLarge    = fmt.Errorf("the parameters are larger than %d bytes", maxBody)
	errNotAForm    = errors.New("the parameters must be sent as application/x-www-form-urlencoded")
	errBroken      = errors.New("the body did not arrive whole")
)

// params are the parameters of one request.
type params map[string]string

// parseParams decodes a query or a form body, in which each parameter may stand
// once (RFC 6749 section 3.1).
func parseParams(encoded string) (params, error) {
	values, err := url.ParseQuery(encoded)
	if err != nil {
		return nil, errUndecodable
	}
	p := params{}
	for name, list := range values {
		if len(list) > 1 {
			return nil, fmt.Errorf("the parameter %.40q is given more than once", name)
		}
		if !utf8.ValidString(list[0]) || strings.ContainsFunc(list[0], unicode.IsControl) {
			return nil, fmt.Errorf("the parameter %.40q is not UTF-8 or has control characters", name)
		}
		p[name] = list[0]
	}
	return p, nil
}

// formParams reads and decodes a form body.
func formParams(w http.ResponseWriter, r *http.Request) (params, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return nil, errNotAForm
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, errTooLarge
	}
	if err != nil {
		return nil, errBroken
	}
	return parseParams(string(body))
}

// statusOf returns the HTTP status for an error of this file.
func statusOf(err error) int {
	switch {
	case errors.Is(err, errTooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, errNotAForm):
		return http.StatusUnsupportedMediaType
	}
	return http.StatusBadRequest
}

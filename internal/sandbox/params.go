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

// parseParams decodes a query or a form body and picks the parameters that
// wanted wants. Each of them may be given once; the others are ignored.
func parseParams(encoded string, wanted func(name string) bool) (params, error) {
	values, err := url.ParseQuery(encoded)
	if err != nil {
		return nil, errUndecodable
	}
	picked := params{}
	for name, list := range values {
		switch {
		case !wanted(name):
		case len(list) > 1:
			return nil, fmt.Errorf("the parameter %s is given more than once", name)
		case !isPlain(list[0]):
			return nil, fmt.Errorf("the parameter %s is not UTF-8 or has control characters", name)
		default:
			picked[name] = list[0]
		}
	}
	return picked, nil
}

// isPlain reports whether a form can carry text unchanged.
func isPlain(text string) bool {
	return utf8.ValidString(text) && strings.IndexFunc(text, unicode.IsControl) < 0
}

// names wants the parameters listed.
func names(list ...string) func(string) bool {
	return func(name string) bool {
		for _, candidate := range list {
			if name == candidate {
				return true
			}
		}
		return false
	}
}

// formParams reads and decodes a form body.
func formParams(w http.ResponseWriter, r *http.Request, wanted func(string) bool) (params, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return nil, errNotAForm
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, errTooLarge
	case err != nil:
		return nil, errBroken
	}
	return parseParams(string(body), wanted)
}

// statusOf says how HTTP calls a failure of this file.
func statusOf(err error) int {
	switch {
	case errors.Is(err, errTooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, errNotAForm):
		return http.StatusUnsupportedMediaType
	}
	return http.StatusBadRequest
}

package httpapi

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/relay"
)

// maxBody bounds a request body, in bytes.
const maxBody = 8 << 10

// params are the parameters of a request, each at most once. There are few, so a
// list is faster than a map.
type params []param

type param struct{ name, value string }

// find returns the value of a parameter, and whether there is one.
func (p params) find(name string) (value string, ok bool) {
	for i := range p {
		if p[i].name == name {
			return p[i].value, true
		}
	}
	return "", false
}

func (p params) get(name string) string {
	value, _ := p.find(name)
	return value
}

func (p params) has(name string) bool {
	_, ok := p.find(name)
	return ok
}

// parseParams decodes a query or a form body. Where url.URL.Query drops what
// it cannot decode, parseParams refuses it.
func parseParams(where, encoded string) (params, error) { return parseSome(where, encoded, nil) }

// readParams decodes the parameters with one of names. All others are ignored,
// even if they are repeated or cannot be decoded.
func readParams(where, encoded string, names ...string) (params, error) {
	return parseSome(where, encoded, names)
}

// parseSome decodes the parameters with one of names, or all if that is nil.
func parseSome(where, encoded string, names []string) (out params, err error) {
	for encoded != "" {
		var pair string
		pair, encoded, _ = strings.Cut(encoded, "&")
		name, value, err := parsePair(pair)
		switch {
		case pair == "", names != nil && !slices.Contains(names, name):
			continue
		case err != nil:
			return nil, invalid("the " + where + " cannot be decoded: write & between parameters and %XX for special characters")
		case out.has(name):
			return nil, invalid("a parameter is in the " + where + " more than once")
		case !utf8.ValidString(name), !utf8.ValidString(value) && name != "key" && name != "state":
			return nil, invalid("the " + where + " is not valid UTF-8")
		case out == nil:
			out = make(params, 0, usual)
		}
		out = append(out, param{name, value})
	}
	return out, nil
}

// usual is how many parameters most requests have at most.
const usual = 4

var errSemicolon = errors.New("semicolon between parameters")

// parsePair decodes a parameter. It returns the name also if the rest is wrong.
func parsePair(pair string) (name, value string, err error) {
	name, value, _ = strings.Cut(pair, "=")
	if name, err = url.QueryUnescape(name); err != nil {
		return "", "", err
	}
	if strings.Contains(pair, ";") {
		return name, "", errSemicolon
	}
	value, err = url.QueryUnescape(value)
	return name, value, err
}

// nameIn returns the name in a pair, or "" if it cannot be decoded.
func nameIn(pair string) string {
	name, _, _ := strings.Cut(pair, "=")
	name, _ = url.QueryUnescape(name)
	return name
}

// refuseInQuery refuses a POST with one of names in its query.
func refuseInQuery(r *http.Request, names ...string) error {
	for pair := range strings.SplitSeq(r.URL.RawQuery, "&") {
		if name := nameIn(pair); slices.Contains(names, name) {
			return invalid(name + " belongs in the body of a POST, not in its query, which ends up in logs")
		}
	}
	return nil
}

func queryParams(r *http.Request) (params, error) { return parseParams("query", r.URL.RawQuery) }

// formBody reads a form body. The attributes of its content type, such as
// charset, change nothing: what is encoded is UTF-8.
func formBody(w http.ResponseWriter, r *http.Request) (string, error) {
	media, _, _ := strings.Cut(first(r.Header["Content-Type"]), ";")
	if !strings.EqualFold(strings.TrimSpace(media), "application/x-www-form-urlencoded") {
		return "", &problem{name: api.UnsupportedMediaType}
	}
	if encoding := first(r.Header["Content-Encoding"]); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return "", &problem{name: api.UnsupportedMediaType, detail: "send the body without a Content-Encoding"}
	}
	return readBody(w, r)
}

// readBody reads a body whole. Over HTTP/1.1 net/http sees a client leave only
// after that.
func readBody(w http.ResponseWriter, r *http.Request) (string, error) {
	if r.ContentLength == 0 {
		return "", nil
	}
	from := r.Body
	if r.ContentLength < 0 || r.ContentLength > maxBody { // net/http passes on no more than the length
		from = http.MaxBytesReader(w, r.Body, maxBody)
	}
	body, err := readAll(from, r.ContentLength)
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return "", &problem{name: api.TooLarge, detail: fmt.Sprintf("the body is larger than %d bytes", maxBody)}
	}
	if err != nil {
		return "", invalid("the body did not arrive whole")
	}
	return string(body), nil
}

// readAll is [io.ReadAll] with a buffer of the right size, where the length is
// known and not too large.
func readAll(body io.Reader, length int64) ([]byte, error) {
	if length < 0 || length > maxBody {
		return io.ReadAll(body)
	}
	out := make([]byte, 0, length+1) // with room to see the end
	for len(out) < cap(out) {
		n, err := body.Read(out[len(out):cap(out)])
		out = out[:len(out)+n]
		switch {
		case err == io.EOF:
			return out, nil
		case err != nil:
			return nil, err
		}
	}
	return nil, io.ErrNoProgress // more than its length, which net/http does not pass on
}

// readForm decodes the parameters of a POST with one of names, which must be in its
// body.
func readForm(w http.ResponseWriter, r *http.Request, names ...string) (params, error) {
	if err := refuseInQuery(r, names...); err != nil {
		return nil, err
	}
	body, err := formBody(w, r)
	if err != nil {
		return nil, err
	}
	return readParams("body", body, names...)
}

// postParams returns the parameters of a POST: those in its body and, of the names
// in queryable, those in its query. It refuses secrets in the query.
func postParams(w http.ResponseWriter, r *http.Request, queryable ...string) (params, error) {
	query, err := queryParams(r)
	if err != nil {
		return nil, err
	}
	body, err := formBody(w, r)
	if err != nil {
		return nil, err
	}
	form, err := parseParams("body", body)
	if err != nil {
		return nil, err
	}
	if err := refuseInQuery(r, secretParams...); err != nil {
		return nil, err
	}
	for _, name := range queryable {
		value, ok := query.find(name)
		switch {
		case !ok:
		case form.has(name):
			return nil, invalid(name + " is in the query and in the body")
		default:
			form = append(form, param{name, value})
		}
	}
	return form, nil
}

var secretParams = []string{"key", "verifier", "state", "access_token", "code"}

// keySpace finds the app that a request is about, unless the operator does not let
// it use the relay.
func (s *Server) keySpace(rec *record, r *http.Request, p params) (relay.KeySpace, error) {
	space, err := namedSpace(rec, r, p)
	if err == nil {
		err = s.permitRelay(rec, space)
	}
	return space, err
}

// namedSpace returns the key space of the app that host, path and parameter name.
// They must agree where they name one.
func namedSpace(rec *record, r *http.Request, p params) (relay.KeySpace, error) {
	var named []string
	for _, app := range []string{rec.app, r.PathValue("appid")} {
		if app != "" {
			named = append(named, app)
		}
	}
	if app, ok := p.find("appid"); ok {
		named = append(named, app)
	}
	switch named = slices.Compact(named); len(named) {
	case 0:
		return relay.DefaultKeySpace, nil
	case 1:
		return relay.ParseKeySpace(named[0])
	}
	return "", &problem{name: api.InvalidAppID, detail: "the host, the path and the appid parameter name different apps"}
}

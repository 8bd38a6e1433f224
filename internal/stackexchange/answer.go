package stackexchange

import (
	"bytes"
	"encoding/json"
	"errors"
	"html"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/internal/fetch"
	"github.com/desktop-stack-serv/dss/internal/pattern"
)

// answer is an answer of Stack Exchange. Its fields are nil if it is neither a
// JSON object nor form data.
type answer struct {
	*fetch.Answer
	fields object
	pause  time.Duration // that Stack Exchange asks for
}

func newAnswer(got *fetch.Answer) answer {
	a := answer{Answer: got, fields: parseBody(got.Body)}
	a.pause = max(got.RetryAfter(), Backoff(a.fields["backoff"]))
	return a
}

// object is a JSON object. Unlike a struct it distinguishes names by case.
type object map[string]json.RawMessage

// jsonp matches the call of a function, which the API makes of an object for
// those that ask for it.
var jsonp = pattern.Lazy(`(?s)^\s*(?:/\*\*/\s*)?[\w$.]+\s*\((.*)\)\s*;?\s*$`)

// parseBody reads a JSON object, alone or in the call of a function, or form
// data, whatever the Content-Type is: Stack Exchange labels tokens text/plain.
func parseBody(body []byte) object {
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	if match := jsonp().FindSubmatch(body); match != nil {
		body = match[1]
	}
	if o := parseObject(body); o != nil {
		return o
	}
	return parseForm(string(body))
}

// parseObject returns nil for anything that is not an object.
func parseObject(text []byte) object {
	var o object
	if json.Unmarshal(text, &o) != nil {
		return nil
	}
	return o
}

// form matches form data, and no page of HTML.
var form = pattern.Lazy(`^\s*\w+=[^\s<>"]*\s*$`)

// parseForm returns nil for anything that is not form data, or that has a
// field twice.
func parseForm(text string) object {
	values, err := url.ParseQuery(strings.TrimSpace(text))
	if err != nil || !form().MatchString(text) {
		return nil
	}
	o := object{}
	for name, all := range values {
		quoted, err := json.Marshal(all[0])
		if err != nil || len(all) > 1 {
			return nil
		}
		o[name] = quoted
	}
	return o
}

// text returns a field that is a string, or "".
func (o object) text(name string) string {
	var s string
	if json.Unmarshal(o[name], &s) != nil {
		return ""
	}
	return s
}

// number is an integer, which may stand in a string. Nothing and null are 0.
type number int64

// UnmarshalJSON implements [json.Unmarshaler].
func (n *number) UnmarshalJSON(raw []byte) error {
	const most = 1 << 53 // what a JSON number can hold exactly
	digits := string(raw)
	if digits == "" || digits == "null" {
		*n = 0
		return nil
	}
	if digits[0] == '"' && json.Unmarshal(raw, &digits) != nil {
		return errNoNumber
	}
	value, err := strconv.ParseFloat(digits, 64)
	if err != nil || value != math.Trunc(value) || math.Abs(value) > most {
		return errNoNumber
	}
	*n = number(value)
	return nil
}

var errNoNumber = errors.New("not an integer")

// words are strings in a list, or in one string with spaces or commas between
// them.
type words []string

// UnmarshalJSON implements [json.Unmarshaler].
func (w *words) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return json.Unmarshal(raw, (*[]string)(w))
	}
	*w = strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' })
	return nil
}

// clean makes a text of the answer, which is HTML, fit for an error. The cut comes
// last, or it could leave half of a secret.
func (a answer) clean(text string) string { return cut(a.Clean(printable(html.UnescapeString(text)))) }

func (a answer) refused(status int, kind, message string) error {
	return &RefusedError{Status: status, Type: a.clean(kind), Message: a.clean(message)}
}

// unexpected is the error for an answer that DSS does not understand.
func (a answer) unexpected() error {
	status := a.Status
	if status >= http.StatusBadRequest && throttled().Match(a.Body) {
		status = http.StatusTooManyRequests
	}
	return &AnswerError{status, a.pause, a.String() + ", not as it should"}
}

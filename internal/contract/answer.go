package contract

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/internal/display"
	"github.com/desktop-stack-serv/dss/internal/fetch"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

// reply is an answer as it came. Its members are nil unless it is a JSON object,
// and if it redirects.
type reply struct {
	*fetch.Answer
	members map[string]json.RawMessage
}

func newReply(a *fetch.Answer) reply {
	r := reply{Answer: a}
	if a.Status/100 != 3 {
		_ = json.Unmarshal(a.Body, &r.members) // nil after an error
	}
	return r
}

// text returns a member that is a string, or "".
func (r reply) text(name string) (s string) {
	_ = json.Unmarshal(r.members[name], &s)
	return s
}

// errorID returns the API's error; 0 if the answer has none.
func (r reply) errorID() (id int) {
	if json.Unmarshal(r.members["error_id"], &id) != nil || r.text("error_name")+r.text("error_message") == "" {
		return 0
	}
	return id
}

func (r reply) items() (items []json.RawMessage) {
	_ = json.Unmarshal(r.members["items"], &items)
	return items
}

// outage reports whether the answer says by itself that something is out of
// order or has too much to do.
func (r reply) outage() bool {
	kind, message := r.nested()
	return r.Status >= 500 || r.Status == http.StatusTooManyRequests ||
		stackexchange.IsTrouble(r.errorID(), kind, message, r.text("error"), r.text("error_description"),
			r.text("error_name"), r.text("error_message"))
}

// describe says who answered and how, with the API's error.
func (r reply) describe() string {
	if name := r.errorName(); name != "" {
		return r.String() + ", error " + name
	}
	return r.String()
}

// errorName is the API's error, such as "402 invalid_access_token"; "" if the
// answer has none.
func (r reply) errorName() string {
	id := r.errorID()
	if id == 0 {
		return ""
	}
	return strings.TrimSpace(strconv.Itoa(id) + " " + display.Cut(display.Clean(r.text("error_name")), 60))
}

// nested returns the error of a token endpoint in the form with type and message.
func (r reply) nested() (kind, message string) {
	var e struct{ Type, Message string }
	if json.Unmarshal(r.members["error"], &e) != nil {
		return "", ""
	}
	return e.Type, e.Message
}

// pause is how long Stack Exchange wants no requests.
func (r reply) pause() time.Duration {
	return max(r.RetryAfter(), stackexchange.Backoff(r.members["backoff"]))
}

// notStackExchange is the error for an answer that need not be Stack Exchange's.
type notStackExchange struct{ reply }

func (e notStackExchange) Error() string {
	if e.members == nil {
		return e.String() + ", without a JSON object"
	}
	return e.String() + ", in no form that Stack Exchange is known to use"
}

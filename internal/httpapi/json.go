package httpapi

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/display"
	"github.com/desktop-stack-serv/dss/internal/site"
)

// writeJSON answers a program.
func writeJSON(w http.ResponseWriter, status int, body any) error {
	text, err := encode(body)
	if err != nil {
		return err
	}
	return writeEncoded(w, status, text)
}

// writeEncoded answers with JSON. Scripts that may read an answer may read what a
// refusal says in headers, too.
func writeEncoded(w http.ResponseWriter, status int, text []byte) error {
	h := w.Header()
	if status >= http.StatusBadRequest && h["Access-Control-Allow-Origin"] != nil {
		h["Access-Control-Expose-Headers"] = exposed
	}
	dataHeaders.replace(h)
	return write(w, status, jsonContent, text)
}

// refusals makes the bodies of errors. Most of what apps get while they wait says no
// more than the table of errors does, so these are encoded once.
type refusals struct {
	publicURL string
	plain     map[string]refusal
}

// refusal is the body of an error in each dialect.
type refusal struct{ relay, oauth []byte }

func newRefusals(publicURL string) refusals {
	r := refusals{publicURL, map[string]refusal{}}
	for name, e := range api.Errors {
		r.plain[name] = refusal{
			relay: r.body(name, "error_name", name, "error_message", e.Message),
			oauth: r.body(name, "error", e.OAuth, "error_description", e.Message),
		}
	}
	return r
}

// body returns an object with these members, and where the error is explained.
// What comes by the thousand while an app waits is no mistake, and has none.
func (r refusals) body(name string, members ...string) []byte {
	switch name {
	case api.NoToken, api.AuthorizationPending, api.SlowDown:
	default:
		members = append(members, "error_uri", r.publicURL+errorsPath+name)
	}
	return object(members...)
}

// errorsPath is where errors are explained, each under its name in the table.
const errorsPath = site.DocsPath + "errors#"

// relay returns the body of a refusal of the relay.
func (r refusals) relay(p *problem) []byte {
	if p.detail == "" {
		return r.plain[p.name].relay
	}
	return r.body(p.name, "error_name", p.name, "error_message", p.detail)
}

// oauth returns the body of a refusal of the OAuth server, by the name that it has
// there.
func (r refusals) oauth(p *problem, name string) []byte {
	if p.detail == "" && name == api.Errors[p.name].OAuth {
		return r.plain[p.name].oauth
	}
	explained := p.name
	if name == api.SlowDown { // whatever the reason, the device goes on polling
		explained = name
	}
	return r.body(explained, "error", name, "error_description", p.message())
}

// encode returns what [json.Encoder] writes.
func encode(body any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(body)
	return text.Bytes(), err
}

// object returns what [encode] makes of a struct with these names, which need no
// escaping, and texts. By hand it takes a third of the time (BenchmarkObject).
func object(members ...string) []byte {
	size := len("{}\n")
	for _, text := range members {
		size += len(text) + len(`"":`)
	}
	out := append(make([]byte, 0, size), '{')
	for i := 0; i < len(members); i += 2 {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, '"'), members[i]...), '"', ':')
		out = appendText(out, members[i+1])
	}
	return append(out, '}', '\n')
}

// appendText appends a text. What needs escaping is left to [json.Encoder].
func appendText(out []byte, text string) []byte {
	if display.Verbatim(text) {
		return append(append(append(out, '"'), text...), '"')
	}
	quoted, _ := encode(text) // a string has no error
	return append(out, quoted[:len(quoted)-1]...)
}

package httpapi

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/display"
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

// encode returns what [json.Encoder] writes. The answers of the relay and refusals
// are written by hand, which takes a third of the time.
func encode(body any) ([]byte, error) {
	switch b := body.(type) {
	case api.TokenResponse:
		return object("access_token", b.AccessToken), nil
	case api.CodeResponse:
		return object("code", b.Code), nil
	case api.ErrorResponse:
		return object("error_name", b.Name, "error_message", b.Message), nil
	case api.OAuthError:
		if b.Description != "" {
			return object("error", b.Error, "error_description", b.Description), nil
		}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(body)
	return text.Bytes(), err
}

// object returns an object of names, which need no escaping, each with a text.
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

package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/http"

	"strconv"
)

// write sends a whole answer.
func write(w http.ResponseWriter, status int, contentType string, body []byte) error {
	h := w.Header()
	h["Content-Type"] = []string{contentType}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil && !errors.Is(err, http.ErrBodyNotAllowed) {
		return err
	}
	return nil
}

// writeJSON answers a program. Scripts that may read an answer may read what a
// refusal says in headers, too.
func writeJSON(w http.ResponseWriter, status int, body any) error {
	text, err := encodeJSON(body)
	if err != nil {
		return err
	}
	h := w.Header()
	if status >= http.StatusBadRequest && h["Access-Control-Allow-Origin"] != nil {
		maps.Copy(h, refusalHeaders)
	}
	dataHeaders.replace(h)
	return write(w, status, "application/json", text)
}

func encodeJSON(body any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(body)
	return text.Bytes(), err
}

// page sends a rendered page.
func (s *Server) page(w http.ResponseWriter, r *http.Request, status int, body []byte, err error) {
	if err != nil {
		s.log.ErrorContext(r.Context(), "page not rendered", "err", err)
		status, body = http.StatusInternalServerError, []byte("internal error")
	}
	if bytes.Contains(body, formTag) { // texts of others are escaped
		maps.Copy(w.Header(), formHeaders)
	}
	_ = write(w, status, "text/html; charset=utf-8", body)
}

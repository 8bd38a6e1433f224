package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"

	"strconv"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/web"
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

func writeProblem(w http.ResponseWriter, p *problem) error {
	return writeJSON(w, statusOf[p.name], api.ErrorResponse{Name: p.name, Message: p.message})
}

// explain turns err into what the client may see, and logs what it may not.
func (s *Server) explain(r *http.Request, err error) *problem {
	p, known := asProblem(err)
	if !known {
		s.log.ErrorContext(r.Context(), "store failed", "err", err)
	}
	noteError(r, err, p.name)
	return p
}

// noteError notes the name of an error, or that nobody is left to be told.
func noteError(r *http.Request, err error, name string) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		name = clientLeft
	}
	note(r.Context(), name)
}

// failJSON answers an app. Nobody is left to tell if that fails.
func (s *Server) failJSON(w http.ResponseWriter, r *http.Request, err error) {
	p := s.explain(r, err)
	setRetryAfter(w, statusOf[p.name], err)
	_ = writeProblem(w, p)
}

// failPage answers a person.
func (s *Server) failPage(w http.ResponseWriter, r *http.Request, err error) {
	p := s.explain(r, err)
	if redirects(r, p.name) {
		s.seeProblem(w, r, p.name)
		return
	}
	status := statusOf[p.name]
	setRetryAfter(w, status, err)
	data := web.ProblemData{Status: status, Name: p.name, Message: p.message}
	clean(w, r, &data)
	s.problemPage(w, r, data)
}

func (s *Server) problemPage(w http.ResponseWriter, r *http.Request, data web.ProblemData) {
	note(r.Context(), data.Name)
	data.RequestID, data.Time = requestID(r.Context()), time.Now()
	data.AuthorizedAppsURL, data.OAuth = s.config.AuthorizedAppsURL, s.config.servesOAuth()
	body, err := s.pages.Problem(data)
	s.page(w, r, data.Status, body, err)
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

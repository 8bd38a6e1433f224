package dsstest

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/api"
)

// ServeHTTP implements [http.Handler].
func (f *faults) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.has(WrongClock) {
		w.Header().Set("Date", wrongClock().Format(http.TimeFormat))
	}
	redeems := []string{api.PathToken, api.PathOAuthToken, pathRedeem}
	if r.Method != http.MethodPost || !slices.Contains(redeems, r.URL.Path) {
		f.next.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<16))
	if err != nil {
		return
	}
	again := func() *http.Request {
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		return r
	}
	switch fault := f.pick(possible(r.URL.Path, string(body))); fault {
	case Refuses:
		panic(http.ErrAbortHandler)
	case DropsAnswer:
		f.next.ServeHTTP(httptest.NewRecorder(), again())
		panic(http.ErrAbortHandler)
	case TooMany:
		f.refuse(w, r.URL.Path, http.StatusTooManyRequests, api.ThrottleViolation)
	case Unavailable:
		f.refuse(w, r.URL.Path, http.StatusServiceUnavailable, api.TemporarilyUnavailable)
	case SlowDown:
		f.refuse(w, r.URL.Path, http.StatusBadRequest, api.SlowDown)
	case Restarts:
		time.Sleep(slowness)
		f.restart()
		panic(http.ErrAbortHandler)
	case Dies:
		<-r.Context().Done()
	case Portal:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<!doctype html><title>Log in to this network</title>")
	case LosesToken:
		loseToken(w, again(), f.next)
	case Holds:
		select {
		case <-f.done:
		case <-r.Context().Done():
		}
		f.next.ServeHTTP(w, again())
	default:
		if fault == Slow {
			time.Sleep(slowness)
		}
		f.next.ServeHTTP(w, again())
	}
}

// loseToken breaks the connection in place of an answer with a token.
func loseToken(w http.ResponseWriter, r *http.Request, next http.Handler) {
	recorder := httptest.NewRecorder()
	next.ServeHTTP(recorder, r)
	if recorder.Code == http.StatusOK {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), recorder.Header())
	w.WriteHeader(recorder.Code)
	_, _ = recorder.Body.WriteTo(w)
}

// wrongClock is the time of a server whose clock is an hour fast.
func wrongClock() time.Time { return time.Now().UTC().Add(time.Hour) }

func (f *faults) has(fault Fault) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fits[WrongClock] = true // it has no endpoint of its own
	return slices.Contains(f.active, fault)
}

// refuse answers in the words of the endpoint.
func (f *faults) refuse(w http.ResponseWriter, path string, status int, name string) {
	switch {
	case status == http.StatusBadRequest:
	case f.has(WrongClock):
		w.Header().Set("Retry-After", wrongClock().Add(2*time.Second).Format(http.TimeFormat))
	default:
		w.Header().Set("Retry-After", "1")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if path == api.PathToken {
		_, _ = io.WriteString(w, `{"error_name":"`+name+`","error_message":"a fault of dsstest"}`)
		return
	}
	_, _ = io.WriteString(w, `{"error":"`+name+`","error_description":"a fault of dsstest"}`)
}

// release lets requests go on that wait for a user.
func (f *faults) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-f.done:
	default:
		close(f.done)
	}
}

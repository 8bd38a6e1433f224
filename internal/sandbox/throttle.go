package sandbox

import (
	"io"
	"net/http"

	"github.com/desktop-stack-serv/dss/api"
)

// throttled are the API's own refusals of clients that ask too often.
var throttled = map[string]*apiError{
	"json": {502, api.ThrottleViolation, "too many requests from this IP, more requests available in 17 seconds"},
	// The number has been seen to be missing.
	"json_bare": {502, api.ThrottleViolation, "too many requests from this IP"},
}

// blocked refuses a request as what stands before Stack Exchange does, with a
// page for people, if the options say so.
func blocked(w http.ResponseWriter, o options) bool {
	statuses := map[string]int{"html_403": http.StatusForbidden, "html_429": http.StatusTooManyRequests}
	status, ok := statuses[o[switchThrottle]]
	if ok {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<!doctype html><title>Sandbox</title><h1>Error 1015</h1><p>You are being rate limited.")
	}
	return ok
}

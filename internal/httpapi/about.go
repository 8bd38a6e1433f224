package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/desktop-stack-serv/dss/internal/stackexchange"
	"github.com/desktop-stack-serv/dss/internal/web"
)

// health is whether the store works, as last seen.
type health struct {
	mu     sync.Mutex
	known  bool
	broken bool
	since  time.Time
}

// saw records what was seen, and returns since when it has been so.
func (h *health) saw(broken bool) (since time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.known || broken != h.broken {
		h.known, h.broken, h.since = true, broken, time.Now()
	}
	return h.since
}

// ready returns why the store does not work, or nil.
func (s *Server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	err := s.config.Ready(ctx)
	s.health.saw(err != nil)
	return err
}

// status serves the page that says in plain words whether users can sign in.
func (s *Server) status(w http.ResponseWriter, r *http.Request) error {
	broken := s.ready(r.Context()) != nil
	data := web.StatusData{
		Broken: broken, Since: s.health.saw(broken), Now: time.Now(), Stopping: s.draining.Err() != nil,
		Paused: s.Paused(stackexchange.MethodRedeem) > 0, StackExchange: s.upstream.BaseURL().Host,
		Checks: s.config.Contract != nil,
	}
	if data.Checks {
		data.Holds, data.Checked, data.Known = s.config.Contract()
	}
	return s.sitePage(w, r, "Status", "Whether users can sign in through this server now.", data)
}

// privacy serves the page that says what this server sees and keeps, which follows
// from its settings.
func (s *Server) privacy(w http.ResponseWriter, r *http.Request) error {
	data := web.PrivacyData{
		Operator: s.config.Operator.Name, Contact: s.config.Operator.Contact,
		Store: s.config.Store, TTL: plainDuration(s.config.TTL), OAuth: s.config.servesOAuth(),
		Hashes: s.config.AuditKey != nil, LogFields: logFields, Limits: s.limits != nil,
		Proxies: !s.config.TrustedProxies.Empty(), AsksFirst: !s.config.HandOver, Listed: s.config.Apps.Listing(),
		StackExchange: s.upstream.BaseURL().Host, Sandbox: s.config.Sandbox != nil,
		AuthorizedAppsURL: s.config.AuthorizedAppsURL,
	}
	return s.sitePage(w, r, "Privacy", "What this server sees of a sign-in, what it keeps, and for how long.", data)
}

// logFields are the attributes of the lines about requests and of the audit.
var logFields = []string{
	"time", "method", "route", "status", "duration", "error", "reason", "request_id",
	"event", "kind", "outcome", "app", "subject", "client",
}

// plainDuration returns a duration as people write it.
func plainDuration(d time.Duration) string {
	switch {
	case d%time.Hour == 0:
		return count(int64(d/time.Hour), "hour")
	case d%time.Minute == 0:
		return count(int64(d/time.Minute), "minute")
	}
	return count(int64(d.Round(time.Second)/time.Second), "second")
}

func count(n int64, unit string) string {
	if n != 1 {
		unit += "s"
	}
	return strconv.FormatInt(n, 10) + " " + unit
}

package stackexchange

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/desktop-stack-serv/dss/internal/pattern"
)

const maxPause = time.Hour

// pause is the time in which Stack Exchange wants no calls of one method.
type pause struct {
	mu    sync.Mutex
	until time.Time
}

// check returns a [*PausedError] while the pause lasts.
func (p *pause) check() error {
	if left := p.left(); left > 0 {
		return &PausedError{left}
	}
	return nil
}

func (p *pause) left() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(0, time.Until(p.until))
}

// extend makes the pause last for at least d from now, and at most maxPause. It
// never shortens the pause: answers may come late.
func (p *pause) extend(d time.Duration) {
	if d <= 0 {
		return
	}
	until := time.Now().Add(min(d, maxPause))
	p.mu.Lock()
	defer p.mu.Unlock()
	if until.After(p.until) {
		p.until = until
	}
}

// Backoff reads the field of that name of an answer, in seconds, which may stand
// in a string; 0 if it is not a number. It is an hour at most.
func Backoff(field json.RawMessage) time.Duration {
	seconds, _ := strconv.ParseFloat(strings.Trim(string(field), `"`), 64) // ±Inf if out of range
	if !(seconds > 0) {
		return 0
	}
	return time.Duration(min(seconds, maxPause.Seconds()) * float64(time.Second))
}

// throttled matches what the API and Cloudflare, in front of it, say to clients
// that ask too much. Error 1015 is Cloudflare's.
var throttled = pattern.Lazy(`(?i)too many requests|throttle|rate.?limit|\berror(?: code)?:? 1015\b|>1015<`)

// failing matches what says that an error will pass.
var failing = pattern.Lazy(`(?i)temporarily.unavailable|try again later|(?:internal|server).error`)

// availableIn matches when a quota of a day begins anew, as in "more requests
// available in 46472 seconds".
var availableIn = pattern.Lazy(`available in (\d{1,5}) seconds`)

// IsTrouble reports whether an error with this id, or 0, and these texts is about
// Stack Exchange itself, about too many requests or about an address that is
// blocked, and not about the request.
func IsTrouble(id int, texts ...string) bool {
	text := strings.Join(texts, " ")
	return id >= errorInternal || throttled().MatchString(text) || failing().MatchString(text) || blocked().MatchString(text)
}

// outage returns an [*AnswerError] if an error is trouble of Stack Exchange's own,
// or too many requests; nil if it is about the request. The text of a quota that is
// used up says for how long. That makes no pause, as it stops others: each user of
// an app has a quota, and those with tokens that are not valid share the address's.
func (a answer) outage(id int, texts ...string) error {
	text := strings.Join(texts, " ")
	described := a.String()
	if id != 0 {
		described += fmt.Sprintf(", error_id %d", id)
	}
	switch {
	case id == errorThrottled || throttled().MatchString(text):
		wait := a.pause
		if match := availableIn().FindStringSubmatch(text); match != nil {
			seconds, _ := strconv.Atoi(match[1]) // of a day, at most
			wait = max(wait, time.Duration(seconds)*time.Second)
		}
		return &AnswerError{http.StatusTooManyRequests, wait, described + ": too many requests"}
	case id >= errorInternal || failing().MatchString(text):
		return &AnswerError{a.Status, a.pause, described}
	}
	return nil
}

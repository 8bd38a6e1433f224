package contract

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/internal/fetch"
	"github.com/desktop-stack-serv/dss/internal/origin"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

const (
	// answerTime bounds each request.
	answerTime = 10 * time.Second
	// spacing is the time between two requests.
	spacing = time.Second
	// longestBackoff is how long a check waits if the API asks for a pause. If it
	// asks for more, the check ends.
	longestBackoff = 10 * time.Second
)

// Upstream is where Stack Exchange is.
type Upstream struct {
	// BaseURL is where users sign in, APIURL the API with its version.
	BaseURL, APIURL *url.URL
	// Transport sends the requests. If it is nil, they go over one that verifies
	// TLS and uses the proxy of the environment.
	Transport http.RoundTripper
}

// Outcome says what became of a fact, or of all.
type Outcome string

// The outcomes.
const (
	Holds       Outcome = "holds"
	Changed     Outcome = "changed"
	Unknown     Outcome = "unknown"     // the contract does not know either
	Unreachable Outcome = "unreachable" // there is no answer of Stack Exchange's that shows it
)

// Finding is a fact and what became of it.
type Finding struct {
	Fact
	Outcome Outcome `json:"outcome"`
	Found   string  `json:"found,omitempty"`  // the value of the feature
	Reason  string  `json:"reason,omitempty"` // why there is none
}

// String is the fact in plain words, with what was found if that says more.
func (f Finding) String() string {
	switch f.Outcome {
	case Holds:
		return f.Text
	case Changed:
		return fmt.Sprintf("%s; expected: %s; found: %s", f.Text, strings.Join(f.Expect, ", or "), f.Found)
	}
	return f.Text + ": " + cmp.Or(f.Found, "not seen: "+f.Reason)
}

// Report is the result of a check.
type Report struct {
	// Outcome is Changed if any fact has changed; otherwise Unreachable if any that
	// is known could not be seen; otherwise Holds.
	Outcome  Outcome   `json:"outcome"`
	Date     Date      `json:"contract_date"`
	Old      bool      `json:"contract_old"`
	Checked  time.Time `json:"checked_at"`
	Findings []Finding `json:"facts"`
}

// Check compares Stack Exchange with a contract. It sends at most five requests,
// one after another. It ends with ctx; facts that were not seen by then are
// unreachable.
func Check(ctx context.Context, c *Contract, at Upstream) Report {
	now := time.Now()
	k := &checker{at: at, fetch: fetch.New(nil), seen: map[string]seen{}, failed: map[string]string{}}
	if at.Transport != nil {
		k.fetch = fetch.Over(at.Transport)
	}
	k.run(ctx)
	report := Report{Outcome: Holds, Date: c.Date, Old: c.Old(now), Checked: now.UTC().Truncate(time.Second)}
	for _, f := range c.Facts {
		found := k.judge(f)
		report.Findings = append(report.Findings, found)
		if found.Outcome == Changed || found.Outcome == Unreachable && report.Outcome == Holds {
			report.Outcome = found.Outcome
		}
	}
	return report
}

// Count returns how many facts have an outcome.
func (r Report) Count(o Outcome) (n int) {
	for _, f := range r.Findings {
		if f.Outcome == o {
			n++
		}
	}
	return n
}

// Reason says why the first fact that could not be seen was not; "" if all were.
func (r Report) Reason() string {
	for _, f := range r.Findings {
		if f.Outcome == Unreachable {
			return f.Reason
		}
	}
	return ""
}

// checker is one check.
type checker struct {
	at        Upstream
	fetch     *fetch.Client
	last      time.Time         // when the last request was answered
	seen      map[string]seen   // by probe
	failed    map[string]string // by probe; why it has shown nothing
	base, api part

	headerMessage string // the API's error for a token in the header
}

// part is one of the two parts of Stack Exchange.
type part struct {
	down   error     // after an outage, nothing more is sent
	paused time.Time // until when it wants no requests
}

func (k *checker) run(ctx context.Context) {
	for _, p := range probes {
		at := &k.base
		if p.api {
			at = &k.api
		}
		if at.down == nil {
			at.down = k.probe(ctx, p, at)
		}
		if at.down != nil {
			k.failed[p.name] = at.down.Error()
		}
	}
}

// probe sends a request when its time has come. The error says why nothing is
// seen.
func (k *checker) probe(ctx context.Context, p probe, at *part) error {
	request, err := p.request(k)
	if err != nil {
		return err
	}
	if err := k.wait(ctx, request.URL.Hostname(), at); err != nil {
		return err
	}
	request.Header.Set("User-Agent", stackexchange.UserAgent)
	answer, err := k.fetch.Do(request.WithContext(ctx), answerTime)
	k.last = time.Now()
	if err != nil {
		return err
	}
	r := newReply(answer)
	at.paused = k.last.Add(r.pause())
	if r.outage() {
		return errors.New(r.describe())
	}
	k.seen[p.name], err = p.read(k, r)
	return err
}

// wait spaces the requests, except those to this machine, and lets pauses pass
// that Stack Exchange has asked for.
func (k *checker) wait(ctx context.Context, host string, at *part) error {
	pause := max(0, time.Until(at.paused))
	if !k.last.IsZero() && !origin.IsLoopback(host) {
		pause = max(pause, spacing-time.Since(k.last))
	}
	if pause > longestBackoff {
		return fmt.Errorf("%s asks for a pause of %v", host, pause.Round(time.Second))
	}
	select {
	case <-time.After(pause):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (k *checker) judge(f Fact) Finding {
	found := Finding{Fact: f, Found: k.seen[f.Probe][f.Feature], Reason: k.failed[f.Probe]}
	switch {
	case f.Unknown:
		found.Outcome = Unknown
	case found.Found == "":
		found.Outcome, found.Reason = Unreachable, cmp.Or(found.Reason, "the answer is one that does not show it")
	case slices.Contains(f.Expect, found.Found):
		found.Outcome = Holds
	default:
		found.Outcome = Changed
	}
	return found
}

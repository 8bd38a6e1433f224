package daemon

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/desktop-stack-serv/dss/internal/contract"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

// CheckUpstream compares the Stack Exchange of the settings with a contract. It
// returns a [SettingError] if its URLs cannot be used.
func CheckUpstream(ctx context.Context, settings Settings, c *contract.Contract) (contract.Report, error) {
	p := &plan{Settings: settings}
	if err := p.checkUpstream(); err != nil {
		return contract.Report{}, err
	}
	return contract.Check(ctx, c, contract.Upstream{BaseURL: p.signIn, APIURL: p.api}), nil
}

const (
	checkEvery = 24 * time.Hour
	// checkPoll is how often a server looks whether a check is due, and what
	// another server has found.
	checkPoll = time.Hour
	// checkKept is how long a check is remembered: longer than until the next.
	checkKept = 2 * checkEvery
)

// lastCheck is what the servers of a store know of the contract, so that they
// and their restarts cause one check a day.
type lastCheck struct {
	Began    time.Time
	Contract string           // its date
	Outcome  contract.Outcome // of the last check without an outage; "" if there is none
	Ended    time.Time        // of that check
}

// upstreamWatch checks the contract.
type upstreamWatch struct {
	contract *contract.Contract
	upstream contract.Upstream
	records  sealed.Records[lastCheck]
	paused   func() time.Duration // how much longer Stack Exchange wants no calls
	show     func(holds bool, ended time.Time)
	log      *slog.Logger
}

// watchUpstream starts the daily check, if it is on.
func (d *daemon) watchUpstream(entries sealed.Store, at stackexchange.Config) {
	if !d.UpstreamCheck {
		return
	}
	w := &upstreamWatch{
		contract: contract.BuiltIn(),
		upstream: contract.Upstream{BaseURL: at.BaseURL, APIURL: at.APIURL, Transport: at.Transport},
		records:  checkRecords(entries),
		paused: func() time.Duration {
			return max(d.server.Paused(stackexchange.MethodRedeem), d.server.Paused(stackexchange.MethodInvalidate))
		},
		show: func(holds bool, ended time.Time) { d.contract.Store(&checked{holds, ended}) },
		log:  d.log,
	}
	if d.metrics != nil {
		page, count := w.show, d.metrics.Contract()
		w.show = func(holds bool, ended time.Time) {
			page(holds, ended)
			count(holds, ended)
		}
	}
	d.onStop(runBackground("check of Stack Exchange", w.run, d.log))
}

// checked is the last check without an outage.
type checked struct {
	holds bool
	ended time.Time
}

// lastChecked is [httpapi.Config.Contract].
func (d *daemon) lastChecked() (holds bool, ended time.Time, ok bool) {
	last := d.contract.Load()
	if last == nil {
		return false, time.Time{}, false
	}
	return last.holds, last.ended, true
}

func checkRecords(entries sealed.Store) sealed.Records[lastCheck] {
	encode := func(c lastCheck) []byte {
		text, _ := json.Marshal(c) // it has nothing that cannot be written
		return text
	}
	return sealed.NewRecords(sealed.NewVault(entries), encode, func(text []byte) (c lastCheck, err error) {
		return c, json.Unmarshal(text, &c)
	})
}

// slot is that of the Stack Exchange that is checked. There is nothing secret in
// it.
func (w *upstreamWatch) slot() *sealed.Slot {
	return sealed.NewSlot("upstream check", secret.New(w.upstream.BaseURL.String()+" "+w.upstream.APIURL.String()))
}

func (w *upstreamWatch) run(ctx context.Context) error {
	for {
		if err := w.turn(ctx); err != nil && ctx.Err() == nil {
			w.log.Warn("no check of Stack Exchange", "err", err)
		}
		select {
		case <-time.After(checkPoll):
		case <-ctx.Done():
			return nil
		}
	}
}

// turn checks the contract if that is due, and shows what is known.
func (w *upstreamWatch) turn(ctx context.Context) error {
	if w.paused() > 0 {
		return nil
	}
	due := false
	date := w.contract.Date.String()
	last, err := w.records.Update(ctx, w.slot(), func(last *sealed.Record[lastCheck]) error {
		if due = time.Since(last.Value.Began) >= checkEvery; !due {
			return sealed.ErrUnchanged
		}
		if last.Value.Contract != date {
			last.Value = lastCheck{Contract: date}
		}
		last.Value.Began, last.Expires = time.Now(), time.Now().Add(checkKept)
		return nil
	})
	if err != nil {
		return err
	}
	if due {
		err = w.check(ctx, last)
	}
	if last.Value.Outcome != "" && last.Value.Contract == date {
		w.show(last.Value.Outcome == contract.Holds, last.Value.Ended)
	}
	return err
}

// check checks the contract, and stores what it finds.
func (w *upstreamWatch) check(ctx context.Context, last *sealed.Record[lastCheck]) error {
	report := contract.Check(ctx, w.contract, w.upstream)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	w.record(report)
	if report.Outcome == contract.Unreachable {
		return nil
	}
	last.Value.Outcome, last.Value.Ended = report.Outcome, time.Now()
	_, err := w.records.Replace(ctx, last)
	return err
}

func (w *upstreamWatch) record(report contract.Report) {
	log := w.log.With("contract", report.Date.String())
	if report.Old {
		log.Warn("the contract with Stack Exchange is more than half a year old; there may be a newer version of dss")
	}
	switch report.Outcome {
	case contract.Holds:
		log.Info("Stack Exchange is as expected")
	case contract.Unreachable:
		log.Warn("Stack Exchange could not be checked; this is an outage, not a change",
			"unseen", report.Count(contract.Unreachable), "reason", report.Reason())
	}
	for _, f := range report.Findings {
		if f.Outcome == contract.Changed {
			log.Warn("Stack Exchange has changed", "fact", f.ID, "detail", f.String())
		}
	}
}

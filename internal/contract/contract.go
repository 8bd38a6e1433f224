// Package contract checks whether Stack Exchange still does what DSS relies on.
//
// A [Contract] is a dated list of facts. [Check] sends a few requests, none of
// which has a real credential, and compares the answers with the facts. Only an
// answer that can be Stack Exchange's own counts: whatever is not, such as a
// connection that breaks, an error of a proxy, a page to sign in to a network or
// garbage, is an outage, and no fact has changed by it.
package contract

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

//go:embed contract.json
var builtIn []byte

// BuiltIn returns the contract that DSS was written for.
func BuiltIn() *Contract {
	c, err := Parse(builtIn)
	if err != nil {
		panic(err) // a test parses it
	}
	return c
}

// Contract is what is known of Stack Exchange on a day.
type Contract struct {
	Date  Date   `json:"date"`
	Facts []Fact `json:"facts"`
}

// Fact is one thing that is known of Stack Exchange, or known to be unknown.
type Fact struct {
	ID   string `json:"id"`
	Text string `json:"text"` // what is so, for people
	// Probe names the request, and Feature what of its answer the fact is about.
	Probe   string `json:"probe"`
	Feature string `json:"feature"`
	// Expect are the values that the feature may have. There are none if the fact
	// is unknown.
	Expect  []string `json:"expect,omitempty"`
	Unknown bool     `json:"unknown,omitempty"`
	Source  string   `json:"source"`
}

// Parse reads a contract as JSON.
func Parse(text []byte) (*Contract, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var c Contract
	if err := decoder.Decode(&c); err != nil {
		return nil, fmt.Errorf("it is not a contract: %w", err)
	}
	if decoder.More() {
		return nil, errors.New("something follows the contract")
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return &c, nil
}

func (c *Contract) check() error {
	if c.Date.day.IsZero() {
		return errors.New("it has no date")
	}
	if !slices.ContainsFunc(c.Facts, func(f Fact) bool { return !f.Unknown }) {
		return errors.New("it has no fact that can hold")
	}
	ids := map[string]bool{}
	for _, f := range c.Facts {
		switch {
		case f.ID == "" || f.Text == "" || f.Source == "":
			return fmt.Errorf("fact %q needs id, text and source", f.ID)
		case ids[f.ID]:
			return fmt.Errorf("there are two facts %q", f.ID)
		case !shows(f.Probe, f.Feature):
			return fmt.Errorf("fact %q: there is no probe %q with the feature %q", f.ID, f.Probe, f.Feature)
		case f.Unknown == (len(f.Expect) > 0):
			return fmt.Errorf("fact %q needs either values to expect, or to be unknown", f.ID)
		}
		ids[f.ID] = true
	}
	return nil
}

// Old reports whether so much time has passed since the contract's date that
// differences may be older than the last release. In 2025 and 2026 Stack Exchange
// announced a change about every half year.
func (c *Contract) Old(now time.Time) bool { return !now.Before(c.Date.day.AddDate(0, 6, 0)) }

// Date is a day, written as 2026-11-28.
type Date struct{ day time.Time }

// String returns the day as it is written.
func (d Date) String() string { return d.day.Format(time.DateOnly) }

// MarshalText implements [encoding.TextMarshaler].
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Date) UnmarshalText(text []byte) (err error) {
	if d.day, err = time.Parse(time.DateOnly, string(text)); err != nil {
		return errors.New("a date must be written as 2026-11-28")
	}
	return nil
}

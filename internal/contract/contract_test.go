package contract_test

import (
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/contract"
)

const head = `{"date": "2026-11-28", "facts": [`

const known = `{"id": "a", "text": "t", "source": "s", "probe": "invented-code", "feature": "status", "expect": ["400"]}`

func TestParse(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"good":             {head + known + `]}`, ""},
		"white space":      {head + known + "]}\n\n", ""},
		"nothing":          {"", "not a contract"},
		"an array":         {"[]", "not a contract"},
		"no date":          {`{"facts": [` + known + `]}`, "no date"},
		"another date":     {`{"date": "28.11.2026", "facts": [` + known + `]}`, "2026-11-28"},
		"no facts":         {head + `]}`, "no fact that can hold"},
		"only unknown":     {head + strings.Replace(known, `"expect": ["400"]`, `"unknown": true`, 1) + `]}`, "no fact that can hold"},
		"neither":          {head + strings.Replace(known, `"expect": ["400"]`, `"expect": []`, 1) + `]}`, "needs either"},
		"both":             {head + known + `,` + strings.Replace(known, `"expect"`, `"unknown": true, "expect"`, 1) + `]}`, "two facts"},
		"known and not":    {head + known + `,` + strings.NewReplacer(`"a"`, `"b"`, `"expect"`, `"unknown": true, "expect"`).Replace(known) + `]}`, "needs either"},
		"no such probe":    {head + strings.Replace(known, "invented-code", "guess", 1) + `]}`, `no probe "guess"`},
		"no such feature":  {head + strings.Replace(known, `"status"`, `"redirect"`, 1) + `]}`, `feature "redirect"`},
		"a misspelt field": {head + strings.Replace(known, `"expect"`, `"expects"`, 1) + `]}`, `"expects"`},
		"no source":        {head + strings.Replace(known, `"s"`, `""`, 1) + `]}`, "source"},
		"something after":  {head + known + `]} {}`, "something follows"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := contract.Parse([]byte(c.text))
			if c.want == "" && err != nil {
				t.Error(err)
			}
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestOld(t *testing.T) {
	c, err := contract.Parse([]byte(head + known + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	for day, want := range map[string]bool{"2026-11-27": false, "2027-05-27": false, "2027-05-28": true, "2027-11-28": true} {
		now, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		if c.Old(now) != want {
			t.Errorf("on %s, Old = %t", day, !want)
		}
	}
}

// TestBuiltIn: the built-in contract asks each probe about something, and its
// unknown facts expect nothing.
func TestBuiltIn(t *testing.T) {
	c := contract.BuiltIn()
	probes := map[string]bool{}
	for _, f := range c.Facts {
		probes[f.Probe] = true
	}
	if len(probes) != 5 {
		t.Errorf("facts of %d probes, want 5", len(probes))
	}
}

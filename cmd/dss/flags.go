package main

import (
	"cmp"
	"flag"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

type lookupEnv func(name string) (string, bool)

// orUnset is env, except that an empty variable is like none: whoever wants a
// setting off in a file of them leaves out what follows the equals sign.
func (env lookupEnv) orUnset(name string) (string, bool) {
	value, ok := env(name)
	return value, ok && value != ""
}

func envName(flagName string) string {
	return "DSS_" + strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
}

func newFlags(name string) *flag.FlagSet { return flag.NewFlagSet(name, flag.ContinueOnError) }

// parseFlags reads flags, and the environment for those not given.
func parseFlags(f *flag.FlagSet, args []string, env lookupEnv) error {
	if err := setFlags(f, args, env); err != nil {
		return err
	}
	return checkChoices(f)
}

func setFlags(f *flag.FlagSet, args []string, env lookupEnv) (mistake error) {
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	f.VisitAll(func(one *flag.Flag) { one.Value = explained{one.Value, "--" + one.Name, &mistake} })
	defer f.VisitAll(func(one *flag.Flag) { one.Value = one.Value.(explained).Value })
	if err := f.Parse(args); err == flag.ErrHelp || mistake != nil {
		return cmp.Or(mistake, err)
	} else if err != nil {
		return usagef("%v; dss %s --help lists the flags", err, f.Name())
	}
	given := given(f)
	f.VisitAll(func(one *flag.Flag) {
		value, ok := env(envName(one.Name))
		if !ok || given[one.Name] || mistake != nil {
			return
		}
		one.Value = explained{one.Value.(explained).Value, envName(one.Name), &mistake}
		_ = f.Set(one.Name, value) // mistake has the error
	})
	return mistake
}

// explained is the value of a flag that says in a sentence what is wrong with
// a text, which package flag does not.
type explained struct {
	flag.Value
	name    string // of the flag or its variable
	mistake *error // the first
}

// IsBoolFlag lets package flag know a switch.
func (e explained) IsBoolFlag() bool {
	b, ok := e.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// Set implements [flag.Value].
func (e explained) Set(text string) error {
	err := e.Value.Set(text)
	if err != nil && *e.mistake == nil {
		*e.mistake = usagef("%s cannot be %q: %s", e.name, text, explain(e.Value, text, err))
	}
	return err
}

// explain says how a value is written.
func explain(value flag.Value, text string, err error) string {
	getter, _ := value.(flag.Getter)
	if getter == nil {
		return err.Error() // of ours, a sentence
	}
	switch getter.Get().(type) {
	case time.Duration:
		if n, err := strconv.Atoi(text); err == nil && n >= 0 && n < math.MaxInt32 {
			return "write a unit: " + inUnits(n)
		}
		return "write a duration with units, such as 15m, 900s or 1h30m"
	case bool:
		return "write true or false"
	case int:
		return "write a whole number, such as 1000"
	}
	return err.Error()
}

// inUnits writes seconds with units, in one or two ways.
func inUnits(seconds int) string {
	plain := strconv.Itoa(seconds) + "s"
	long := (time.Duration(seconds) * time.Second).String()
	for _, zero := range []struct{ of, behind string }{{"0s", "m"}, {"0m", "h"}} {
		if short, ok := strings.CutSuffix(long, zero.of); ok && strings.HasSuffix(short, zero.behind) {
			long = short
		}
	}
	if long == plain {
		return plain
	}
	return plain + " or " + long
}

// given says which flags have been set, by whatever means.
func given(f *flag.FlagSet) map[string]bool {
	names := map[string]bool{}
	f.Visit(func(one *flag.Flag) { names[one.Name] = true })
	return names
}

// choice is a flag with a few possible values. [checkChoices] checks it, as
// package flag cannot say what is possible.
type choice struct {
	value   *string
	options []string
}

func choiceVar(f *flag.FlagSet, value *string, name, options, usage string) {
	c := choice{value, strings.Split(options, "|")}
	*value = c.options[0]
	f.Var(c, name, usage)
}

// String implements [flag.Value].
func (c choice) String() string {
	if c.value == nil {
		return ""
	}
	return *c.value
}

// Set implements [flag.Value].
func (c choice) Set(text string) error {
	*c.value = text
	return nil
}

func checkChoices(f *flag.FlagSet) (err error) {
	f.VisitAll(func(one *flag.Flag) {
		c, ok := one.Value.(choice)
		if ok && err == nil && !slices.Contains(c.options, *c.value) {
			err = usagef("--%s must be %s, not %q", one.Name, either(c.options), *c.value)
		}
	})
	return err
}

func either(options []string) string {
	last := len(options) - 1
	if last == 0 {
		return options[0]
	}
	return strings.Join(options[:last], ", ") + " or " + options[last]
}

// setting is a flag as help, manual and completion show it.
type setting struct {
	name, env string
	value     string   // what to give; empty for a switch
	options   []string // all possible values, if there are a few
	text      string
}

func settings(f *flag.FlagSet) []setting {
	var all []setting
	f.VisitAll(func(one *flag.Flag) {
		s := setting{name: one.Name, env: envName(one.Name)}
		s.value, s.text = flag.UnquoteUsage(one)
		if c, ok := one.Value.(choice); ok {
			s.options, s.value = c.options, strings.Join(c.options, "|")
		}
		if one.DefValue != "" && one.DefValue != "false" {
			s.text += " (default " + one.DefValue + ")"
		}
		all = append(all, s)
	})
	return all
}

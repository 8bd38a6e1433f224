package main

import (
	"flag"
	"io"
	"slices"
	"strings"
)

type lookupEnv = func(name string) (string, bool)

func envName(flagName string) string {
	return "DSS_" + strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
}

func newFlags(name string) *flag.FlagSet { return flag.NewFlagSet(name, flag.ContinueOnError) }

// parseFlags reads flags, and the environment for those not given.
func parseFlags(f *flag.FlagSet, args []string, env lookupEnv) error {
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	if err := f.Parse(args); err == flag.ErrHelp {
		return err
	} else if err != nil {
		return usagef("%v; dss %s --help lists the flags", err, f.Name())
	}
	given := given(f)
	var err error
	f.VisitAll(func(one *flag.Flag) {
		value, ok := env(envName(one.Name))
		if !ok || given[one.Name] || err != nil {
			return
		}
		if f.Set(one.Name, value) != nil {
			err = usagef("%s: %q is not a valid value", envName(one.Name), value)
		}
	})
	if err != nil {
		return err
	}
	return checkChoices(f)
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

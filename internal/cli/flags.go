package cli

import (
	"errors"
	"flag"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Flags are the flags of a command. Each has a twin in the environment, which
// sets it where the command line does not: the program's name and the flag's,
// in capitals, with _ for -. The usage of a flag explains it in a sentence; the
// word in backquotes, if there is one, names its value.
type Flags struct {
	program, command string
	group            string
	all              []*setting
}

type setting struct {
	name, group string
	value       string   // names the value
	options     []string // all possible values, if there are few
	bare        string   // the value of a flag that is given without one; "" if it needs one
	usage       string
	fallback    string // the default, as a text
	set         func(text string) error
	given       bool
}

// Group starts a group of flags, under a title in the help.
func (f *Flags) Group(title string) { f.group = title }

// StringVar adds a flag for a text.
func (f *Flags) StringVar(to *string, name, fallback, usage string) {
	add(f, to, fallback, parseText, setting{name: name, usage: usage, value: "text", fallback: fallback})
}

// IntVar adds a flag for a whole number.
func (f *Flags) IntVar(to *int, name string, fallback int, usage string) {
	add(f, to, fallback, parseInt, setting{name: name, usage: usage, value: "number", fallback: strconv.Itoa(fallback)})
}

// DurationVar adds a flag for a duration.
func (f *Flags) DurationVar(to *time.Duration, name string, fallback time.Duration, usage string) {
	one := setting{name: name, usage: usage, value: "duration", fallback: shortDuration(fallback)}
	add(f, to, fallback, parseDuration, one)
}

// BoolVar adds a switch, which is off unless it is given.
func (f *Flags) BoolVar(to *bool, name, usage string) {
	add(f, to, false, parseBool, setting{name: name, usage: usage, bare: "true"})
}

// ChoiceVar adds a flag for one of several options, which | separates. The
// first is the default.
func (f *Flags) ChoiceVar(to *string, name, options, usage string) {
	list := strings.Split(options, "|")
	one := setting{name: name, usage: usage, value: options, options: list, fallback: list[0]}
	add(f, to, list[0], func(text string) (string, error) { return text, oneOf(list, text) }, one)
}

// SwitchVar adds a switch that can be on in several ways: it is "off", "on" as
// with --name, or some of the options, which | separates, as with
// --name=option,option. As for any switch, true and false stand for on and off.
func (f *Flags) SwitchVar(to *string, name, options, usage string) {
	list := strings.Split(options, "|")
	add(f, to, "off", func(text string) (string, error) {
		if on, err := strconv.ParseBool(text); err == nil {
			return map[bool]string{false: "off", true: "on"}[on], nil
		}
		for word := range strings.SplitSeq(text, ",") {
			if !slices.Contains(list, word) {
				return "", errors.New("write " + either(append([]string{"true", "false"}, list...)))
			}
		}
		return text, nil
	}, setting{name: name, usage: usage, value: options, options: list, bare: "true"})
}

// add adds a flag whose text parse parses.
func add[T any](f *Flags, to *T, fallback T, parse func(string) (T, error), one setting) {
	*to = fallback
	one.set = func(text string) error {
		value, err := parse(text)
		if err == nil {
			*to = value
		}
		return err
	}
	one.group = f.group
	if parts := strings.Split(one.usage, "`"); len(parts) == 3 {
		one.value, one.usage = parts[1], strings.Join(parts, "")
	}
	f.all = append(f.all, &one)
}

func (f *Flags) find(name string) *setting {
	if i := slices.IndexFunc(f.all, func(one *setting) bool { return one.name == name }); i >= 0 {
		return f.all[i]
	}
	return nil
}

// variable returns the name of a flag's twin.
func (f *Flags) variable(one *setting) string { return variable(f.program, one.name) }

func variable(program, flag string) string {
	return strings.ToUpper(strings.ReplaceAll(program+"_"+flag, "-", "_"))
}

// Parse sets the flags in args, wherever they are among them, and those not in
// args from the environment. It returns the other arguments. The error is
// [flag.ErrHelp] for --help, and a [UsageError] otherwise.
func (f *Flags) Parse(args []string, env func(name string) string) (rest []string, err error) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			rest, args = append(rest, args...), nil
		case arg == "-" || !strings.HasPrefix(arg, "-"):
			rest = append(rest, arg)
		default:
			if args, err = f.parseFlag(arg, args); err != nil {
				return nil, err
			}
		}
	}
	for _, one := range f.all {
		if text := env(f.variable(one)); text != "" && !one.given {
			if err := one.parse(f.variable(one), text); err != nil {
				return nil, err
			}
		}
	}
	return rest, nil
}

// parseFlag sets the flag in arg, and returns the arguments that follow it and
// its value.
func (f *Flags) parseFlag(arg string, next []string) ([]string, error) {
	name, text, ok := strings.Cut(strings.TrimPrefix(arg[1:], "-"), "=")
	one := f.find(name)
	switch {
	case one == nil && (name == "help" || name == "h"):
		return nil, flag.ErrHelp
	case one == nil:
		return nil, f.unknown(name)
	case ok:
	case one.bare != "":
		text = one.bare
	case len(next) == 0:
		return nil, Usagef("--%s needs a value", name)
	default:
		text, next = next[0], next[1:]
	}
	return next, one.parse("--"+name, text)
}

func (f *Flags) unknown(name string) error {
	var known []string
	for _, one := range f.all {
		known = append(known, "--"+one.name)
	}
	advice := fmt.Sprintf("%s %s --help lists the flags", f.program, f.command)
	if meant := Nearest("--"+name, known, 2); meant != "" {
		advice = fmt.Sprintf("did you mean %s?", meant)
	}
	return Usagef("there is no flag%s; %s", quoted("--"+name), advice)
}

// parse sets the flag. The name is that of the flag or its variable.
func (one *setting) parse(name, text string) error {
	if err := one.set(text); err != nil {
		return Usagef("%s cannot be %q: %v", name, text, err)
	}
	one.given = true
	return nil
}

func parseText(text string) (string, error) { return text, nil }

func parseInt(text string) (int, error) {
	n, err := strconv.ParseInt(text, 0, strconv.IntSize)
	if err != nil {
		return 0, errors.New("write a whole number, such as 1000")
	}
	return int(n), nil
}

func parseBool(text string) (bool, error) {
	on, err := strconv.ParseBool(text)
	if err != nil {
		return false, errors.New("write true or false")
	}
	return on, nil
}

// oneOf returns an error that lists the options if text is none of them.
func oneOf(options []string, text string) error {
	if !slices.Contains(options, text) {
		return fmt.Errorf("write %s", either(options))
	}
	return nil
}

func either(options []string) string {
	last := len(options) - 1
	if last == 0 {
		return options[0]
	}
	return strings.Join(options[:last], ", ") + " or " + options[last]
}

func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err == nil {
		return d, nil
	}
	d, err = time.ParseDuration(text + "s")
	if err != nil || d < 0 {
		return 0, errors.New("write a duration with units, such as 15m, 900s or 1h30m")
	}
	return 0, errors.New("write a unit: " + either(slices.Compact([]string{text + "s", shortDuration(d)})))
}

var zerosAtEnd = regexp.MustCompile(`([hm])(0m)?0s$`)

// shortDuration leaves out the zeros at the end of 15m0s and 1h0m0s.
func shortDuration(d time.Duration) string { return zerosAtEnd.ReplaceAllString(d.String(), "$1") }

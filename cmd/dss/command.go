package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// process is what a command gets from the system.
type process struct {
	env            lookupEnv
	environ        func() []string // all variables, as NAME=VALUE
	stdin          io.Reader
	stdout, stderr io.Writer
}

// runner runs a command when its flags have been parsed.
type runner func(ctx context.Context, p process, args []string) error

// command is a command of the binary. Help, completion and manual are made
// from it and its flags.
type command struct {
	name      string
	summary   string   // one line
	about     string   // for the help and the manual; paragraphs
	arguments []string // what may follow the flags: one of these, or nothing
	verbs     bool     // the arguments are verbs, which may stand before the flags too
	token     bool     // it takes an access token, from standard input if its argument is -
	new       func() (*flag.FlagSet, runner)
}

// commands lists them as help does.
func commands() []*command {
	all := []*command{
		serveCommand(), healthCommand(), storeCommand(), loginCommand(), whoamiCommand(), logoutCommand(), completionCommand(),
		manCommand(), versionCommand(),
	}
	help := helpCommand()
	for _, c := range all {
		help.arguments = append(help.arguments, c.name)
	}
	return append(all, help)
}

func find(name string) *command {
	all := commands()
	if i := slices.IndexFunc(all, func(c *command) bool { return c.name == name }); i >= 0 {
		return all[i]
	}
	return nil
}

// aliases are other names that people try.
var aliases = map[string]string{
	"--version": "version", "-version": "version", "-v": "version",
	"--help": "help", "-help": "help", "-h": "help",
}

func dispatch(ctx context.Context, args []string, p process) error {
	if len(args) == 0 {
		fmt.Fprint(p.stderr, overview())
		return usagef("name a command")
	}
	name := args[0]
	if known, ok := aliases[name]; ok {
		name = known
	}
	c := find(name)
	if c == nil {
		return unknown(name)
	}
	return c.run(ctx, p, args[1:])
}

func (c *command) run(ctx context.Context, p process, args []string) error {
	f, run := c.new()
	var verb []string
	if c.verbs && len(args) > 0 && slices.Contains(c.arguments, args[0]) {
		verb, args = args[:1], args[1:]
	}
	if err := parseFlags(f, args, p.env); err == flag.ErrHelp {
		return c.help(p.stdout)
	} else if err != nil {
		return err
	}
	switch {
	case f.NArg() == 0 || len(c.arguments) > 0:
	default:
		return usagef("unexpected argument%s; flags start with --", quoted(f.Arg(0)))
	}
	return run(ctx, p, slices.Concat(verb, f.Args()))
}

// quoted is a word with a space before it, or nothing for what may be a URL,
// with a password in it.
func quoted(word string) string {
	if strings.ContainsAny(word, ":@/") {
		return ""
	}
	return fmt.Sprintf(" %q", word)
}

// unknown suggests the command that was meant.
func unknown(name string) error {
	best, least := "", 3
	for _, c := range commands() {
		distance := editDistance(name, c.name)
		if name != "" && strings.HasPrefix(c.name, name) {
			distance = 0
		}
		if distance < least {
			best, least = c.name, distance
		}
	}
	if best == "" {
		return usagef("there is no command%s; dss help lists them", quoted(name))
	}
	return usagef("there is no command%s; did you mean dss %s?", quoted(name), best)
}

// editDistance counts the letters to insert, delete or replace
// (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			changed := diagonal
			if a[i] != b[j] {
				changed++
			}
			diagonal = row[j+1]
			row[j+1] = min(changed, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}

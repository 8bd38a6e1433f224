// Package cli is the command line of a program: its commands, their flags, each
// of which the environment can set too, the help, and the completion in shells.
//
// A [Program] lists its commands. [Program.Run] finds the one that was named,
// has it declare its flags ([Command.Setup]), parses them and runs it. Help and
// completion are made from the same declarations.
package cli

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Program is a program with commands. It has two more than it lists: help and
// completion.
type Program struct {
	Name      string     // as it is typed; in capitals, it begins the names of the flags' variables
	Purpose   string     // one sentence
	Commands  []*Command // in the order in which help lists them
	Notes     string     // follows the list of commands; paragraphs
	Variables []string   // names of variables that are read and belong to no flag
}

// Command is a command of a program.
type Command struct {
	Name      string
	Aliases   []string // other names, which help does not list
	Summary   string   // one line
	About     string   // paragraphs, which help wraps, except those that start with two spaces
	Arguments string   // what may be given besides flags, such as [-] or start|stop; "" is nothing
	// Setup declares the flags and returns what to run when they have their
	// values. Help and completion call it too.
	Setup func(f *Flags) Run
}

// Run runs a command with the arguments that are not flags.
type Run func(ctx context.Context, p Process, args []string) error

// Process is what a command gets from the system.
type Process struct {
	Env            func(name string) string // the value of a variable; empty is the same as unset
	Environ        func() []string          // all variables, as NAME=VALUE
	Stdin          io.Reader
	Stdout, Stderr io.Writer

	program *Program
}

// UsageError is a mistake in the command line or the environment.
type UsageError struct{ text string }

func (e UsageError) Error() string { return e.text }

// Usagef returns a [UsageError].
func Usagef(format string, arguments ...any) error {
	return UsageError{fmt.Sprintf(format, arguments...)}
}

// Run runs the command that args start with.
func (p *Program) Run(ctx context.Context, process Process, args []string) error {
	process.program = p
	switch {
	case len(args) == 0:
		fmt.Fprint(process.Stderr, p.overview())
		return Usagef("name a command")
	case args[0] == complete:
		return p.complete(process.Stdout, args[1:])
	}
	c, err := p.find(args[0])
	if err != nil {
		return err
	}
	f, run := p.setup(c)
	rest, err := f.Parse(args[1:], process.Env)
	switch {
	case err == flag.ErrHelp:
		_, err = io.WriteString(process.Stdout, p.explain(c))
		return err
	case err != nil:
		return err
	case len(rest) > 0 && c.Arguments == "":
		return Usagef("unexpected argument%s; flags start with --", quoted(rest[0]))
	}
	return run(ctx, process, rest)
}

func (p *Program) setup(c *Command) (*Flags, Run) {
	f := &Flags{program: p.Name, command: c.Name}
	return f, c.Setup(f)
}

func (p *Program) commands() []*Command {
	all := append(slices.Clone(p.Commands), p.completionCommand(), p.helpCommand())
	help := all[len(all)-1]
	help.Arguments = "[" + strings.Join(names(all), "|") + "]"
	return all
}

func names(all []*Command) (list []string) {
	for _, c := range all {
		list = append(list, c.Name)
	}
	return list
}

// words are the arguments that a command takes, if they are fixed.
func (c *Command) words() []string {
	return strings.FieldsFunc(c.Arguments, func(r rune) bool { return strings.ContainsRune("[]|", r) })
}

// find returns a command, or an error that suggests one.
func (p *Program) find(name string) (*Command, error) {
	all := p.commands()
	for _, c := range all {
		if c.Name == name || slices.Contains(c.Aliases, name) {
			return c, nil
		}
	}
	meant := Nearest(name, names(all), 2)
	if i := slices.IndexFunc(all, func(c *Command) bool { return strings.HasPrefix(c.Name, name) }); name != "" && i >= 0 {
		meant = all[i].Name
	}
	if meant == "" {
		return nil, Usagef("there is no command%s; %s help lists them", quoted(name), p.Name)
	}
	return nil, Usagef("there is no command%s; did you mean %s %s?", quoted(name), p.Name, meant)
}

// quoted is a word after a space, or nothing for what may be a URL with a
// password in it.
func quoted(word string) string {
	if strings.ContainsAny(word, ":@/") {
		return ""
	}
	return fmt.Sprintf(" %q", word)
}

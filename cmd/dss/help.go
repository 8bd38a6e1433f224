package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"
)

const purpose = "dss lets desktop and command-line programs sign their users in to Stack Exchange."

// overview lists the commands.
func overview() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nusage:\n", purpose)
	for _, c := range commands() {
		fmt.Fprintf(&b, "  dss %-11s %s\n", c.name, c.summary)
	}
	b.WriteString("\ndss help COMMAND, or dss COMMAND --help, lists the flags.\n")
	return b.String()
}

func helpCommand() *command {
	return &command{
		name: "help", summary: "explain a command",
		about: "It lists the commands, or explains one of them.",
		new:   func() (*flag.FlagSet, runner) { return newFlags("help"), help },
	}
}

func help(_ context.Context, p process, args []string) error {
	switch {
	case len(args) > 1:
		return usagef("dss help takes the name of one command")
	case len(args) == 1:
		if c := find(args[0]); c != nil {
			return c.help(p.stdout)
		}
		return unknown(args[0])
	}
	_, err := io.WriteString(p.stdout, overview())
	return err
}

// synopsis is how the command is written.
func (c *command) synopsis() string {
	line := "dss " + c.name
	if c.verbs && !c.token {
		line += " " + strings.Join(c.arguments, "|")
	}
	if f, _ := c.new(); len(settings(f)) > 0 {
		line += " [flags]"
	}
	switch {
	case c.token:
		line += " [-]"
	case c.name == "help":
		line += " [COMMAND]"
	case len(c.arguments) > 0 && !c.verbs:
		line += " " + strings.Join(c.arguments, "|")
	}
	return line
}

func (c *command) help(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "usage: %s\n\n%s\n", c.synopsis(), c.about)
	f, _ := c.new()
	all := settings(f)
	if len(all) > 0 {
		b.WriteString("\nEach flag can be set in the environment too, as shown in brackets.\n\n")
	}
	for _, s := range all {
		fmt.Fprintf(&b, "  %s  [%s]\n%s", s.usage(), s.env, wrap(s.text, "        ", 80))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// wrap breaks text into indented lines, of that many bytes where words allow.
func wrap(text, indent string, width int) string {
	var b strings.Builder
	line := indent
	for word := range strings.FieldsSeq(text) {
		if line != indent && len(line)+1+len(word) > width {
			b.WriteString(line + "\n")
			line = indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	return b.String() + line + "\n"
}

func (s setting) usage() string { return strings.TrimSpace("--" + s.name + " " + s.value) }

package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"
)

func manCommand() *command {
	return &command{
		name: "man", summary: "print the manual page",
		about: `It prints the manual page, for man:

  dss man > /usr/local/share/man/man1/dss.1`,
		new: func() (*flag.FlagSet, runner) {
			return newFlags("man"), func(_ context.Context, p process, _ []string) error {
				_, err := io.WriteString(p.stdout, manual())
				return err
			}
		},
	}
}

// manual is in the man macros of roff (man(7)).
func manual() string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH DSS 1 \"\" \"dss %s\" \"User Commands\"\n", roff(version()))
	b.WriteString(".SH NAME\ndss \\- sign users of desktop and command\\-line programs in to Stack Exchange\n.SH SYNOPSIS\n")
	for i, c := range commands() {
		if i > 0 {
			b.WriteString(".br\n")
		}
		fmt.Fprintf(&b, ".B %s\n", roff(c.synopsis()))
	}
	fmt.Fprintf(&b, ".SH DESCRIPTION\n%s\n.SH COMMANDS\n", roff(purpose))
	for _, c := range commands() {
		c.manual(&b)
	}
	writeEnvironment(&b)
	b.WriteString(".SH EXIT STATUS\n")
	for _, e := range exitMeanings {
		fmt.Fprintf(&b, ".TP\n.B %d\n%s\n", e.status, roff(e.meaning))
	}
	return b.String()
}

func (c *command) manual(b *strings.Builder) {
	fmt.Fprintf(b, ".SS %s\n", roff(c.synopsis()))
	for i, paragraph := range strings.Split(c.about, "\n\n") {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		if strings.HasPrefix(paragraph, "  ") { // an example
			fmt.Fprintf(b, ".RS 4\n.nf\n%s\n.fi\n.RE\n", roff(strings.TrimPrefix(paragraph, "  ")))
			continue
		}
		b.WriteString(roff(paragraph) + "\n")
	}
	f, _ := c.new()
	for _, s := range settings(f) {
		fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(s.usage()), roff(s.text))
	}
}

func writeEnvironment(b *strings.Builder) {
	b.WriteString(".SH ENVIRONMENT\nEach flag has a twin: DSS_ and its name in capitals, with _ for \\-. A flag wins over its twin.\n")
	for _, v := range variables {
		fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(v.name), roff(v.text))
	}
}

// variables are what is read of the environment besides the twins of flags.
var variables = []struct{ name, text string }{
	{"DSS_TOKEN", "the access token, for dss whoami and dss logout"},
	{"NO_COLOR", "no colours, if it is not empty; a QR code then depends on the terminal's own"},
	{"COLORFGBG", "tells a light background from a dark one where there are no colours"},
	{"TERM", "no spinner and no QR code, if it is dumb"},
}

// roff escapes text, and what is not ASCII as troff wants it. Lines that begin
// with a dot or an apostrophe would be requests.
func roff(text string) string {
	var b strings.Builder
	for i, r := range text {
		switch {
		case (r == '.' || r == '\'') && (i == 0 || text[i-1] == '\n'):
			b.WriteString(`\&` + string(r))
		case r == '\\':
			b.WriteString(`\e`)
		case r == '-':
			b.WriteString(`\-`)
		case r > '~':
			fmt.Fprintf(&b, `\[u%04X]`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

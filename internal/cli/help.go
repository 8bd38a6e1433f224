package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
)

const width = 80 // of a terminal

// overview lists the commands.
func (p *Program) overview() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nusage:\n", p.Purpose)
	for _, c := range p.commands() {
		fmt.Fprintf(&b, "  %s %-11s %s\n", p.Name, c.Name, c.Summary)
	}
	fmt.Fprintf(&b, "\n%s help COMMAND, or %[1]s COMMAND --help, lists the flags.\n", p.Name)
	if p.Notes != "" {
		b.WriteString("\n" + wrapParagraphs(p.Notes))
	}
	return b.String()
}

func (p *Program) helpCommand() *Command {
	return &Command{
		Name: "help", Summary: "explain a command", Aliases: []string{"--help", "-help", "-h"},
		About: "It lists the commands, or explains one of them.",
		Setup: func(*Flags) Run { return p.help },
	}
}

func (p *Program) help(_ context.Context, process Process, args []string) error {
	text := p.overview()
	switch {
	case len(args) > 1:
		return Usagef("%s help takes the name of one command", p.Name)
	case len(args) == 1:
		c, err := p.find(args[0])
		if err != nil {
			return err
		}
		text = p.explain(c)
	}
	_, err := io.WriteString(process.Stdout, text)
	return err
}

// explain is the help of a command.
func (p *Program) explain(c *Command) string {
	var b strings.Builder
	f, _ := p.setup(c)
	usage, about := "usage: "+p.Name+" "+c.Name, c.About
	if c.Arguments != "" {
		usage += " " + c.Arguments
	}
	if len(f.all) > 0 {
		usage += " [flags]"
		about += "\n\nEach flag can be set in the environment too, as shown in brackets."
	}
	b.WriteString(usage + "\n\n" + wrapParagraphs(about))
	var titles []string // in the order in which they were first used
	flags := map[string]string{}
	for _, one := range f.all {
		if !slices.Contains(titles, one.group) {
			titles = append(titles, one.group)
		}
		flags[one.group] += fmt.Sprintf("  %s  [%s]\n", one.synopsis(), f.variable(one)) +
			Wrap(one.text(), "        ", width)
	}
	for _, title := range titles {
		b.WriteString("\n")
		if title != "" {
			b.WriteString(title + ":\n\n")
		}
		b.WriteString(flags[title])
	}
	return b.String()
}

// synopsis is how a flag is written.
func (one *setting) synopsis() string {
	switch {
	case one.value == "":
		return "--" + one.name
	case one.bare != "":
		return "--" + one.name + "[=" + one.value + "]"
	}
	return "--" + one.name + " " + one.value
}

// text explains a flag.
func (one *setting) text() string {
	if one.fallback == "" {
		return one.usage
	}
	return one.usage + " (default " + one.fallback + ")"
}

func wrapParagraphs(text string) string {
	var wrapped []string
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		if strings.HasPrefix(paragraph, "  ") {
			wrapped = append(wrapped, paragraph+"\n")
			continue
		}
		wrapped = append(wrapped, Wrap(paragraph, "", width))
	}
	return strings.Join(wrapped, "\n")
}

// Wrap breaks text into lines that start with indent and have at most width
// bytes where words allow.
func Wrap(text, indent string, width int) string {
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

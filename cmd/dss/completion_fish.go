package main

import (
	"fmt"
	"strings"
)

func fishCompletion(all []*command) string {
	var b strings.Builder
	b.WriteString("# fish completion for dss, made by: dss completion fish\ncomplete -c dss -f\n")
	for _, c := range all {
		fmt.Fprintf(&b, "complete -c dss -n __fish_use_subcommand -a %s -d %s\n", c.name, quoteForFish(c.summary))
	}
	for _, c := range all {
		on := fmt.Sprintf("complete -c dss -n '__fish_seen_subcommand_from %s'", c.name)
		if c.name == "help" { // its argument would count as the command
			on = "complete -c dss -n 'test (count (commandline -opc)) -eq 2; and __fish_seen_subcommand_from help'"
		}
		if len(c.arguments) > 0 {
			fmt.Fprintf(&b, "%s -a %s\n", on, quoteForFish(strings.Join(c.arguments, " ")))
		}
		for _, s := range c.settings() {
			fmt.Fprintf(&b, "%s -l %s%s -d %s\n", on, s.name, fishValue(s), quoteForFish(firstLine(s.text)))
		}
	}
	return b.String()
}

func fishValue(s setting) string {
	switch {
	case s.value == "":
		return ""
	case len(s.options) > 0:
		return " -x -a " + quoteForFish(strings.Join(s.options, " "))
	}
	return " -x"
}

// quoteForFish knows that a backslash is special within quotes too.
func quoteForFish(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(text) + "'"
}

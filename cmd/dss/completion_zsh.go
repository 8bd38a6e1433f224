package main

import (
	"fmt"
	"strings"
)

// zshCompletion works from fpath, and when it is sourced.
func zshCompletion(all []*command) string {
	var b strings.Builder
	b.WriteString("#compdef dss\n# zsh completion for dss, made by: dss completion zsh\n_dss() {\n\tlocal -a commands=(\n")
	for _, c := range all {
		fmt.Fprintf(&b, "\t\t%s\n", quoteForShell(c.name+":"+c.summary))
	}
	b.WriteString("\t)\n\tif ((CURRENT == 2)); then\n\t\t_describe command commands\n\t\treturn\n\tfi\n\tlocal name=$words[2]\n\tshift words\n\t((CURRENT--))\n\tcase $name in\n")
	for _, c := range all {
		fmt.Fprintf(&b, "\t%s)\n\t\t_arguments", c.name)
		for _, s := range c.settings() {
			b.WriteString(" \\\n\t\t\t" + quoteForShell(zshFlag(s)))
		}
		if len(c.arguments) > 0 {
			b.WriteString(" \\\n\t\t\t" + quoteForShell("1:argument:("+strings.Join(c.arguments, " ")+")"))
		}
		b.WriteString("\n\t\t;;\n")
	}
	b.WriteString("\tesac\n}\nif [[ $funcstack[1] == _dss ]]; then\n\t_dss \"$@\"\nelse\n\tcompdef _dss dss\nfi\n")
	return b.String()
}

// zshFlag is a specification for _arguments.
func zshFlag(s setting) string {
	text := strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`, ":", `\:`).Replace(firstLine(s.text))
	switch {
	case s.value == "":
		return "--" + s.name + "[" + text + "]"
	case len(s.options) > 0:
		return "--" + s.name + "=[" + text + "]:value:(" + strings.Join(s.options, " ") + ")"
	}
	return "--" + s.name + "=[" + text + "]:" + s.value + ": "
}

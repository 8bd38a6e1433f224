package main

import (
	"fmt"
	"strings"
)

// bashCompletion works without the package bash-completion. There, = is a word
// of its own.
func bashCompletion(all []*command) string {
	var b strings.Builder
	b.WriteString(`# bash completion for dss, made by: dss completion bash
_dss() {
	local current="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" words=""
	if [[ $current == = ]]; then
		current=""
	elif [[ $before == = ]]; then
		before="${COMP_WORDS[COMP_CWORD-2]}"
	fi
	if ((COMP_CWORD == 1)); then
`)
	fmt.Fprintf(&b, "\t\twords=%s\n\telse\n\t\tcase \"${COMP_WORDS[1]} $before\" in\n", quoteForShell(strings.Join(names(all), " ")))
	for _, c := range all {
		for _, s := range c.settings() {
			if s.value != "" {
				fmt.Fprintf(&b, "\t\t'%s --%s') words=%s ;;\n", c.name, s.name, quoteForShell(strings.Join(s.options, " ")))
			}
		}
	}
	b.WriteString("\t\t*)\n\t\t\tcase \"${COMP_WORDS[1]}\" in\n")
	for _, c := range all {
		words := append([]string{}, c.arguments...)
		for _, s := range c.settings() {
			words = append(words, "--"+s.name)
		}
		fmt.Fprintf(&b, "\t\t\t%s) words=%s ;;\n", c.name, quoteForShell(strings.Join(words, " ")))
	}
	b.WriteString(`			esac
			;;
		esac
	fi
	COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _dss dss
`)
	return b.String()
}

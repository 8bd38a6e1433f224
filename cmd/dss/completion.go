package main

import (
	"context"
	"flag"
	"io"
	"slices"
	"strings"
)

// shells are those that [completions] can talk to.
var shells = []string{"bash", "zsh", "fish", "powershell"}

var completions = map[string]func([]*command) string{
	"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion, "powershell": powershellCompletion,
}

func completionCommand() *command {
	return &command{
		name: "completion", summary: "print a completion script for a shell", arguments: shells,
		about: `It prints a script that completes commands, flags and their values:

  bash:        source <(dss completion bash)

  zsh:         dss completion zsh > "${fpath[1]}/_dss"

  fish:        dss completion fish > ~/.config/fish/completions/dss.fish

  powershell:  dss completion powershell | Out-String | Invoke-Expression`,
		new: func() (*flag.FlagSet, runner) { return newFlags("completion"), printCompletion },
	}
}

func printCompletion(_ context.Context, p process, args []string) error {
	if len(args) != 1 || !slices.Contains(shells, args[0]) {
		return usagef("dss completion takes the name of a shell: %s", either(shells))
	}
	_, err := io.WriteString(p.stdout, completions[args[0]](commands()))
	return err
}

// settings lists the flags of a command, and the one that each has.
func (c *command) settings() []setting {
	f, _ := c.new()
	return append(settings(f), setting{name: "help", text: "explain the command"})
}

func names(all []*command) []string {
	var list []string
	for _, c := range all {
		list = append(list, c.name)
	}
	return list
}

// firstLine cuts what has no room in a list of completions.
func firstLine(text string) string {
	const room = 60
	if len(text) <= room {
		return text
	}
	return text[:strings.LastIndex(text[:room], " ")] + " …"
}

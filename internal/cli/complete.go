package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// complete is the hidden command that the scripts for shells call.
const complete = "__complete"

// shells has a script for each shell, for a program called PROGRAM. It calls
// the program with the position of the cursor among the words of the line,
// counted from the program's name at 0, and the words.
var shells = map[string]string{
	"bash": `_PROGRAM() {
	local IFS=$'\n'
	COMPREPLY=($("${COMP_WORDS[0]}" __complete "$COMP_CWORD" "${COMP_WORDS[@]}" 2>/dev/null | cut -f 1))
}
complete -F _PROGRAM PROGRAM
`,
	"zsh": `#compdef PROGRAM
_PROGRAM() {
	local -a lines=(${(f)"$("$words[1]" __complete $((CURRENT - 1)) "${(@)words}" 2>/dev/null)"})
	lines=("${(@)lines//:/\\:}")
	lines=("${(@)lines/$'\t'/:}")
	_describe PROGRAM lines
}
if [[ $funcstack[1] == _PROGRAM ]]; then _PROGRAM "$@"; else compdef _PROGRAM PROGRAM; fi
`,
	"fish": `function __PROGRAM_complete
	set -l before (commandline -opc)
	$before[1] __complete (count $before) $before (commandline -ct) 2>/dev/null
end
complete -c PROGRAM -f -a '(__PROGRAM_complete)'
`,
	"powershell": `Register-ArgumentCompleter -Native -CommandName PROGRAM -ScriptBlock {
	param($word, $line, $position)
	$before = @($line.CommandElements | Where-Object { $_.Extent.EndOffset -lt $position } | ForEach-Object { "$_" })
	& $before[0] __complete $before.Count $before $word 2>$null | ForEach-Object {
		$text, $about = $_ -split "` + "`t" + `", 2
		if (-not $about) { $about = $text }
		[System.Management.Automation.CompletionResult]::new($text, $text, 'ParameterValue', $about)
	}
}
`,
}

func (p *Program) completionCommand() *Command {
	known := []string{"bash", "zsh", "fish", "powershell"}
	return &Command{
		Name: "completion", Summary: "print a completion script for a shell", Arguments: strings.Join(known, "|"),
		About: strings.ReplaceAll(`It prints a script that completes commands, flags and their values:

  bash:        source <(PROGRAM completion bash)

  zsh:         PROGRAM completion zsh > "${fpath[1]}/_PROGRAM"

  fish:        PROGRAM completion fish > ~/.config/fish/completions/PROGRAM.fish

  powershell:  PROGRAM completion powershell | Out-String | Invoke-Expression`, "PROGRAM", p.Name),
		Setup: func(*Flags) Run {
			return func(_ context.Context, process Process, args []string) error {
				if len(args) != 1 || shells[args[0]] == "" {
					return Usagef("%s completion takes the name of a shell: %s", p.Name, either(known))
				}
				_, err := io.WriteString(process.Stdout, strings.ReplaceAll(shells[args[0]], "PROGRAM", p.Name))
				return err
			}
		},
	}
}

// complete prints the words that can be at a place in a line, each with a tab
// and an explanation if it has one. See [shells] for args.
func (p *Program) complete(w io.Writer, args []string) error {
	if len(args) < 2 {
		return Usagef("%s is for the scripts of %s completion", complete, p.Name)
	}
	words := args[1:]
	place, err := strconv.Atoi(args[0])
	if err != nil || place < 1 || place > len(words) {
		return Usagef("there is no place %q among %d words", args[0], len(words))
	}
	words, joined := joinAssignment(append(words, "")[1 : place+1])
	word := words[len(words)-1]
	for _, c := range p.candidates(words[:len(words)-1], word) {
		if strings.HasPrefix(c.word, word) {
			fmt.Fprintln(w, strings.TrimSuffix(strings.TrimPrefix(c.word, joined)+"\t"+shorten(c.text), "\t"))
		}
	}
	return nil
}

// joinAssignment undoes what Bash does to --flag=value at the end of a line: it
// makes three words of it, and replaces the last only. joined is what it keeps.
func joinAssignment(words []string) (all []string, joined string) {
	for i := max(1, len(words)-2); i < len(words); i++ {
		if words[i] == "=" {
			joined = words[i-1] + "="
			return append(words[:i-1], strings.Join(words[i-1:], "")), joined
		}
	}
	return words, ""
}

// candidate is a word that may be meant, with its explanation.
type candidate struct{ word, text string }

// candidates are the words that can follow those before, or replace word.
func (p *Program) candidates(before []string, word string) (all []candidate) {
	if len(before) == 0 {
		for _, c := range p.commands() {
			all = append(all, candidate{c.Name, c.Summary})
		}
		return all
	}
	c, err := p.find(before[0])
	if err != nil {
		return nil
	}
	f, _ := p.setup(c)
	name, _, assigned := strings.Cut(strings.TrimPrefix(word, "--"), "=")
	if one := f.find(name); assigned && one != nil {
		return options(one, "--"+name+"=")
	}
	name, dashed := strings.CutPrefix(before[len(before)-1], "--")
	if one := f.find(name); dashed && one != nil && one.bare == "" {
		return options(one, "")
	}
	for _, argument := range c.words() {
		all = append(all, candidate{argument, ""})
	}
	for _, one := range f.all {
		all = append(all, candidate{"--" + one.name, one.text()})
	}
	return append(all, candidate{"--help", "explain the command"})
}

func options(one *setting, prefix string) (all []candidate) {
	for _, option := range one.options {
		all = append(all, candidate{prefix + option, ""})
	}
	return all
}

// shorten cuts what has no room in a list of completions.
func shorten(text string) string {
	const room = 60
	if len(text) <= room {
		return text
	}
	return text[:strings.LastIndex(text[:room], " ")] + " …"
}

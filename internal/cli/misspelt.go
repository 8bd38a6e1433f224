package cli

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/display"
)

// foreign matches variables that are not settings, after the program's name:
// those that Kubernetes sets for services of that name, and those of our tests.
var foreign = regexp.MustCompile(`^(?:(?:\w+_)?SERVICE_(?:HOST|PORT(?:_\w+)?)|PORT|` +
	`(?:\w+_)?PORT_[0-9]+_(?:TCP|UDP|SCTP)(?:_\w+)?|TEST_\w+)$`)

// Misspelt returns a sentence for each variable of the environment that looks
// like a setting of the program and is none.
func (p Process) Misspelt() (warnings []string) {
	known := p.program.variables()
	prefix := variable(p.program.Name, "")
	for _, pair := range slices.Sorted(slices.Values(p.Environ())) {
		name, value, _ := strings.Cut(pair, "=")
		rest, ours := strings.CutPrefix(strings.ToUpper(name), prefix)
		if value == "" || !ours || slices.Contains(known, name) || foreign.MatchString(strings.TrimPrefix(name, prefix)) ||
			strings.HasSuffix(name, "_PORT") && strings.Contains(value, "://") {
			continue
		}
		advice := p.program.Name + " COMMAND --help lists the settings"
		if nearest := Nearest(prefix+rest, known, max(2, len(rest)/2)); nearest != "" {
			advice = fmt.Sprintf("did you mean %s?", nearest)
		}
		warnings = append(warnings, fmt.Sprintf("there is no setting %s: %s", display.Clean(name), advice))
	}
	return warnings
}

// variables are the names of all that the program reads.
func (p *Program) variables() (names []string) {
	for _, c := range p.commands() {
		f, _ := p.setup(c)
		for _, one := range f.all {
			names = append(names, f.variable(one))
		}
	}
	return append(names, p.Variables...)
}

// Nearest returns the known word that takes the fewest changes of letters, at
// most so many, or "" if there is none.
func Nearest(word string, known []string, most int) (nearest string) {
	for _, one := range known {
		if distance := editDistance(word, one); distance <= most {
			nearest, most = one, distance-1
		}
	}
	return nearest
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

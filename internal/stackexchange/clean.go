package stackexchange

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/secret"
)

const (
	maxText  = 200 // bytes
	redacted = "[redacted]"
)

// clean makes foreign text fit for an error. What is not printable goes first,
// or it could hide a secret; the cut comes last, or it could leave half of one.
func clean(text string, secrets []secret.Text) string {
	text = printable(text)
	pattern := patternOf(secrets)
	if pattern == nil {
		return cut(text)
	}
	text = pattern.ReplaceAllLiteralString(text, redacted)
	if pattern.MatchString(text) { // such as the secret "red"
		return ""
	}
	return cut(text)
}

// patternOf matches secrets as they are and percent-encoded, which servers
// also echo, in any case. It is nil if there is nothing to match.
func patternOf(secrets []secret.Text) *regexp.Regexp {
	var forms []string
	for _, secret := range secrets {
		if plain := printable(secret.Reveal()); plain != "" {
			forms = append(forms, plain, url.QueryEscape(secret.Reveal()))
		}
	}
	if len(forms) == 0 {
		return nil
	}
	// The longest first, as one may be the beginning of another.
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	for i, form := range forms {
		forms[i] = regexp.QuoteMeta(form)
	}
	return regexp.MustCompile("(?i)" + strings.Join(forms, "|"))
}

func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, text)
}

func cut(text string) string { return text[:min(len(text), maxText)] }

package registration

import (
	"slices"
	"strings"

	"github.com/desktop-stack-serv/dss/api"
)

// Evidence is what is known of a sign-in that was tried. The zero value of a field
// means that nothing is known of it.
type Evidence struct {
	// Stage is how far the sign-in came.
	Stage Stage
	// Error and Message are what Stack Exchange said, to the browser or at its
	// token endpoint, whatever the shape of the answer: a name or a number, and
	// a sentence.
	Error, Message string
	// Seen is what the person saw.
	Seen Sight
	// Scope is what was asked for.
	Scope string
	// Domain is the host of the DSS server, without a port.
	Domain string
}

// Stage is a step that a sign-in has reached.
type Stage string

// The stages. The zero value counts as Sent.
const (
	Sent       Stage = "sent"       // to Stack Exchange, and has not come back
	Refused    Stage = "refused"    // came back with an error
	NotTaken   Stage = "not_taken"  // came back with a code that the token endpoint refused
	Unanswered Stage = "unanswered" // came back with a code, and the token endpoint gave no usable answer
	SignedIn   Stage = "signed_in"  // the token endpoint gave a token
)

// Diagnose returns what the evidence means: one finding where that is clear, and
// otherwise all that are possible, the likeliest first.
func Diagnose(e Evidence) []Finding {
	var findings []Finding
	for _, cause := range e.causes() {
		findings = append(findings, cause.finding(e))
	}
	return findings
}

func (e Evidence) causes() []Cause {
	if sight := e.Seen.find(); sight.Later {
		return e.with(sight.causes)
	}
	switch e.Stage {
	case Refused:
		return e.refused()
	case NotTaken:
		return e.notTaken()
	case Unanswered:
		return []Cause{Outage}
	case SignedIn:
		return e.with([]Cause{Right})
	}
	return e.with(e.Seen.find().causes)
}

// with adds the causes that are possible with the scope.
func (e Evidence) with(causes []Cause) []Cause {
	last := causes[len(causes)-1]
	switch write := e.asksFor(func(name string) bool { return name == scopeWrite }); {
	case last == Right && write:
		return []Cause{Right, PostUntested}
	case last == Post && !write:
		return []Cause{Post, ScopeMissing}
	case slices.Contains(causes, Application) && len(causes) > 1 && e.asksFor(unknownScope):
		return slices.Concat(causes, []Cause{Scope})
	}
	return causes
}

// asksFor reports whether the scope has a name for which is reports true.
func (e Evidence) asksFor(is func(string) bool) bool {
	return slices.ContainsFunc(strings.FieldsFunc(e.Scope, func(r rune) bool { return r == ' ' || r == ',' }), is)
}

// unknownScope reports whether nobody knows a scope.
func unknownScope(name string) bool {
	name, _, _ = strings.Cut(name, "|")
	return !slices.Contains(api.Scopes, name)
}

// errorCauses are those of the errors that a browser may come back with
// (RFC 6749 section 4.1.2.1).
var errorCauses = map[string]Cause{
	"access_denied":             Denied,
	"invalid_scope":             Scope,
	"unauthorized_client":       PKCE,
	"unsupported_response_type": PKCE,
	"invalid_client":            Application,
	"server_error":              Outage,
	"temporarily_unavailable":   Outage,
}

// refused returns the causes of an error that the browser came back with. It did
// come back, so the domain is right. DSS makes server_error of the names that
// RFC 6749 does not have, so the message says more than that one.
func (e Evidence) refused() []Cause {
	cause, known := errorCauses[e.Error]
	if known && cause != Outage {
		return []Cause{cause}
	}
	if cause, blamed := blame(e.Message); blamed {
		return []Cause{cause}
	}
	if known {
		return []Cause{cause}
	}
	return e.with([]Cause{PKCE, Application})
}

// notTaken returns the causes of an error at the token endpoint. There was a code,
// so the application exists, its domain is right, and some flow with a code is
// enabled.
func (e Evidence) notTaken() []Cause {
	if cause, blamed := blame(e.Message); blamed {
		return []Cause{cause}
	}
	return []Cause{Secret, Late}
}

// blames are words in the sentences of Stack Exchange and what they are about.
// The first that fits wins.
var blames = []struct {
	cause Cause
	words []string
}{
	{Secret, []string{"secret"}},
	{Domain, []string{"redirect"}},
	{PKCE, []string{"pkce", "code_verifier", "code_challenge", "grant type", "grant_type", "response_type", "flow"}},
	{PKCE, []string{"not enabled"}},
	{Scope, []string{"scope"}},
	{Late, []string{"expired", "authorization code", "code is not valid"}},
	{Application, []string{"client_id", "client id", "application"}},
}

// blame finds what a sentence of Stack Exchange is about.
func blame(sentence string) (cause Cause, ok bool) {
	sentence = strings.ToLower(sentence)
	for _, b := range blames {
		if slices.ContainsFunc(b.words, func(word string) bool { return strings.Contains(sentence, word) }) {
			return b.cause, true
		}
	}
	return "", false
}

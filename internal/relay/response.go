package relay

import (
	"fmt"

	"github.com/desktop-stack-serv/dss/internal/display"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// maxReason bounds what is kept of a refusal's texts, in bytes each.
const maxReason = 512

// Kind says which sort of authorization response an entry holds.
type Kind byte

// The kinds. KindConflict is never deposited; it is what two different
// responses under one key become.
const (
	KindToken Kind = iota + 1
	KindCode
	KindRefusal
	KindConflict
)

// String is the kind in one word.
func (k Kind) String() string {
	switch k {
	case KindToken:
		return "token"
	case KindCode:
		return "code"
	case KindRefusal:
		return "refusal"
	}
	return "conflict"
}

// Response is what Stack Exchange sent back to the browser (RFC 6749 §4.1.2
// and §4.2.2), or the conflict of two.
type Response struct {
	Kind Kind
	// Value is the access token or the code.
	Value secret.Text
	// Error and Description say why a refusal was one.
	Error, Description string
}

// NewToken is the response of the implicit grant. Errors wrap
// [ErrInvalidResponse].
func NewToken(text string) (Response, error) { return newValue(KindToken, "access token", text) }

// NewCode is the response of the code grant. Errors wrap [ErrInvalidResponse].
func NewCode(text string) (Response, error) { return newValue(KindCode, "code", text) }

func newValue(kind Kind, name, text string) (Response, error) {
	value, err := secret.Parse(name, text)
	if err != nil {
		return Response{}, fmt.Errorf("%w: %w", ErrInvalidResponse, err)
	}
	return Response{Kind: kind, Value: value}, nil
}

// NewRefusal is an error response. The texts come from outside: what is kept of
// them can be shown, and is bounded.
func NewRefusal(code, description string) Response {
	return Response{Kind: KindRefusal, Error: reason(code), Description: reason(description)}
}

func reason(text string) string { return display.Cut(display.Clean(text), maxReason) }

// Size is what a [sealed.Store] counts for the response.
func (r Response) Size() int {
	return sealed.EntryOverhead + sealed.SealOverhead + entry{response: r}.size()
}

func (r Response) same(other Response) bool {
	return r.Kind == other.Kind && r.Value.Equal(other.Value) &&
		r.Error == other.Error && r.Description == other.Description
}

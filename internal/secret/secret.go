// Package secret holds what secrets have in common: a type that does not print,
// the check of a received one, redaction in the texts of others, random text, keys
// derived from one (HKDF), the S256 transformation and the match code.
package secret

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Redacted is what a secret prints as.
const Redacted = "[redacted]"

// MaxReceived is the longest secret that [Parse] accepts, in bytes.
const MaxReceived = 4096

// Text is text that must not end up in a log, an error or a panic. Every usual
// way to print, log or encode it gives [Redacted]; [Text.Reveal] is the one way
// to read it.
//
// The text sits behind a pointer so that printing a struct with a Text in an
// unexported field, where fmt calls no method, shows nothing either.
type Text struct{ text *string }

// New wraps text.
func New(text string) Text { return Text{&text} }

// Parse checks a code or token that another server has issued: visible ASCII
// characters, of which there is at least one, and no percent encoding. Errors
// say what is wrong with the name, and do not repeat the text.
func Parse(name, text string) (Text, error) {
	switch {
	case text == "":
		return Text{}, fmt.Errorf("the %s is empty", name)
	case len(text) > MaxReceived:
		return Text{}, fmt.Errorf("the %s is longer than %d bytes", name, MaxReceived)
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		return Text{}, fmt.Errorf("the %s has characters outside visible ASCII", name)
	case percentEscape.MatchString(text):
		return Text{}, fmt.Errorf("the %s holds %%XX: it was encoded twice", name)
	}
	return New(text), nil
}

// percentEscape is what is left when something that was encoded twice has been
// decoded once. No token of Stack Exchange has a percent sign.
var percentEscape = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

// Random returns 256 random bits as 43 characters of base64url, the form of a
// code verifier (RFC 7636 section 4.1).
func Random() Text {
	random := make([]byte, 32)
	rand.Read(random)
	return Encode(random)
}

// Encode returns bytes as unpadded base64url.
func Encode(bytes []byte) Text { return New(base64.RawURLEncoding.EncodeToString(bytes)) }

// Reveal returns the text itself.
func (t Text) Reveal() string {
	if t.text == nil {
		return ""
	}
	return *t.text
}

// IsZero reports whether there is no text.
func (t Text) IsZero() bool { return t.Reveal() == "" }

// Equal compares two secrets in a time that depends on their lengths only.
func (t Text) Equal(other Text) bool { return Equal(t.Reveal(), other.Reveal()) }

// String redacts.
func (Text) String() string { return Redacted }

// GoString redacts.
func (Text) GoString() string { return Redacted }

// LogValue redacts.
func (Text) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalText redacts.
func (Text) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// Redact replaces secrets in text, as they are or percent-encoded, in any case
// of letters. Remove controls first: a secret may be hidden by them.
func Redact(text string, secrets ...Text) string {
	var forms []string
	for _, secret := range secrets {
		if !secret.IsZero() {
			forms = append(forms, regexp.QuoteMeta(secret.Reveal()), regexp.QuoteMeta(url.QueryEscape(secret.Reveal())))
		}
	}
	if len(forms) == 0 {
		return text
	}
	// The longest first, as one may be the beginning of another.
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	pattern := regexp.MustCompile("(?i)" + strings.Join(forms, "|"))
	text = pattern.ReplaceAllLiteralString(text, Redacted)
	if pattern.MatchString(text) { // such as the secret "red"
		return ""
	}
	return text
}

// Equal compares two texts in a time that depends on their lengths only.
func Equal[T string | []byte](a, b T) bool {
	return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

// S256 returns the code challenge of a verifier: its SHA-256 as unpadded
// base64url (RFC 7636 section 4.2).
func S256(verifier Text) string {
	sum := sha256.Sum256([]byte(verifier.Reveal()))
	return Encode(sum[:]).Reveal()
}

// IsVerifier reports whether text has the form of a code verifier: 43 to 128
// unreserved characters (RFC 7636 section 4.1).
func IsVerifier(text string) bool {
	const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	return len(text) >= 43 && len(text) <= 128 && strings.Trim(text, unreserved) == ""
}

// IsS256 reports whether text has the form that [S256] returns.
func IsS256(text string) bool {
	sum, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(sum) == sha256.Size && len(text) == 43
}

// MatchCode returns the first 30 bits of a key's SHA-256 in Crockford's
// base32, as XXX-XXX: short enough for a user to compare.
func MatchCode(key Text) string {
	const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	sum := sha256.Sum256([]byte(key.Reveal()))
	bits := binary.BigEndian.Uint32(sum[:])
	var code [7]byte
	for i, at := range []int{0, 1, 2, 4, 5, 6} {
		code[at] = alphabet[bits>>(27-5*i)&31]
	}
	code[3] = '-'
	return string(code[:])
}

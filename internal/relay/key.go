package relay

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/desktop-stack-serv/dss/internal/pattern"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

const (
	// MaxKeyLength is the longest key, in bytes.
	MaxKeyLength = 512
	// MinKeyLength is the shortest key, in characters, unless weak keys are allowed.
	MinKeyLength = 16
	// BoundPrefix starts every verifier-bound key.
	BoundPrefix = "s256."
)

// Key is the random string an app sends to Stack Exchange as state.
type Key struct{ secret.Text }

// KeySpace separates the keys of one app from those of all others. It is the
// app id that the wire calls appid.
type KeySpace string

// DefaultKeySpace holds the keys of apps that pass no app id.
const DefaultKeySpace KeySpace = "0"

// ParseKeySpace validates an app id: 1 to 64 of A-Z a-z 0-9 _ and -. Errors
// wrap [ErrInvalidKeySpace].
func ParseKeySpace(text string) (KeySpace, error) {
	if text == "" || len(text) > 64 {
		return "", fmt.Errorf("%w: it has %d characters, not 1 to 64", ErrInvalidKeySpace, len(text))
	}
	for _, c := range []byte(text) {
		switch {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return "", fmt.Errorf("%w: it has characters other than A-Z a-z 0-9 _ -", ErrInvalidKeySpace)
		}
	}
	return KeySpace(text), nil
}

// ParseKey validates text as a key. If weak, it may be short or made from a time.
// Errors wrap [ErrNoKey] or [ErrInvalidKey] and say what to change, without
// repeating the text.
func ParseKey(text string, weak bool) (Key, error) {
	if text == "" {
		return Key{}, ErrNoKey
	}
	if problem := problemOf(text, weak); problem != "" {
		return Key{}, fmt.Errorf("%w: %s", ErrInvalidKey, problem)
	}
	return Key{secret.New(text)}, nil
}

func problemOf(key string, weak bool) string {
	plain := printable(key) // as most keys are
	switch {
	case len(key) > MaxKeyLength:
		return fmt.Sprintf("it is longer than %d bytes", MaxKeyLength)
	case !plain && !utf8.ValidString(key):
		return "it is not valid UTF-8"
	case !plain && strings.ContainsFunc(key, unicode.IsControl):
		return "it holds control characters"
	case !weak && utf8.RuneCountInString(key) < MinKeyLength:
		return fmt.Sprintf("it is shorter than %d characters; use at least 128 random bits", MinKeyLength)
	case strings.HasPrefix(key, BoundPrefix) && !secret.IsS256(key[len(BoundPrefix):]):
		return "after s256. it needs the 43 characters of an unpadded, canonical base64url SHA-256"
	case !weak && timeBased(key):
		return "it is made from a time and can be guessed; use random bits"
	}
	return ""
}

// printable reports whether a text is printable ASCII.
func printable(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// Bound reports whether only the holder of a verifier may claim under k.
func (k Key) Bound() bool { return strings.HasPrefix(k.Reveal(), BoundPrefix) }

// MatchCode returns what the app and the page in the browser show for k.
func (k Key) MatchCode() string { return secret.MatchCode(k.Text) }

var (
	// A dashed UUID of version 1 or 6. Without dashes it cannot be told from
	// 128 random bits in hexadecimal.
	timeUUID = pattern.Lazy(`(?i)^(urn:uuid:)?[{(]?[0-9a-f]{8}-[0-9a-f]{4}-` +
		`[16][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}[)}]?$`)
	// A date and a time in figures, to the end: 2026-11-24T09:27:00.123+01:00,
	// 11/24/2026 9:27:00 AM.
	dateShape = pattern.Lazy(`(?i)^([0-9]{4}[-/._]?[0-9]{1,2}[-/._]?[0-9]{1,2}|` +
		`[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2,4})[-t _,،]*[0-9]{1,2}([:.\-_]?[0-9]{2}){0,2}` +
		`([.,][0-9]+)? ?(z|am|pm|utc|gmt)?([-+][0-9]{2}:?[0-9]{2})?$`)
	// The time first: 09:27:00 11/24/2026.
	timeFirst = pattern.Lazy(`(?i)^[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?([.,][0-9]+)?( ?[ap]m)?[, ]+` +
		`([0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2,4})$`)
	// The zone's name that a browser's Date appends in parentheses.
	zoneName = pattern.Lazy(`\s*\([^)]*\)$`)
)

var timeLayouts = []string{
	time.ANSIC, time.UnixDate, time.RubyDate, time.RFC822, time.RFC822Z, time.RFC850,
	time.RFC1123, time.RFC1123Z, "2006-01-02 15:04:05.999999999 -0700 MST",
	"Mon Jan 2 2006 15:04:05 GMT-0700", "Jan 2, 2006 3:04:05 PM", "January 2, 2006 3:04:05 PM",
	"2 Jan 2006 15:04:05", "2 January 2006 15:04:05",
}

func timeBased(text string) bool {
	text = foldTime(text)
	switch { // what shows at once comes first: expressions are slow
	case digitsOnly(text),
		digitsOnly(text[:1]) && (dateShape().MatchString(text) || timeFirst().MatchString(text)),
		strings.Count(text, "-") == 4 && timeUUID().MatchString(text):
		return true
	}
	if !strings.Contains(text, ":") {
		return false // every layout has a colon, and trying them is slow
	}
	text = zoneName().ReplaceAllString(text, "")
	for _, layout := range timeLayouts {
		if _, err := time.Parse(layout, text); err == nil {
			return true
		}
	}
	return false
}

// foldTime writes a time of any locale in one form: plain spaces and digits, without
// marks of direction and quotes. All digits but those of ASCII become 1, since only
// the form counts.
func foldTime(text string) string {
	if !printable(text) {
		text = strings.Map(foldRune, text)
	}
	return strings.TrimLeft(strings.Trim(text, ` "'`), "+-")
}

func foldRune(r rune) rune {
	switch {
	case r < utf8.RuneSelf:
		return r
	case unicode.IsSpace(r):
		return ' '
	case unicode.Is(unicode.Cf, r):
		return -1
	case unicode.IsDigit(r):
		return '1'
	}
	return r
}

func digitsOnly(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' })
}

// Verifier is the secret behind a verifier-bound key.
type Verifier struct{ secret.Text }

// NewVerifier wraps text. Whether it fits a key shows when it is used.
func NewVerifier(text string) Verifier { return Verifier{secret.New(text)} }

// checkVerifier returns nil if a claim under k may pass v, which is zero where no
// verifier was passed.
func checkVerifier(k Key, v Verifier) error {
	switch {
	case !k.Bound() && v.IsZero():
		return nil
	case !k.Bound():
		return ErrUnbound
	case v.IsZero():
		return ErrVerifierRequired
	case !secret.IsVerifier(v.Reveal()):
		return ErrInvalidVerifier
	}
	if !k.Equal(secret.New(BoundPrefix + secret.S256(v.Text))) {
		return ErrInvalidVerifier
	}
	return nil
}

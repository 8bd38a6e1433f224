package relay

import "fmt"

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

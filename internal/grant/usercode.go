package grant

import "strings"

// userCodeAlphabet has no vowels, so that no words appear, and nothing that
// looks like something else (RFC 8628 section 6.1).
const userCodeAlphabet = "BCDFGHJKLMNPQRSTVWXZ"

const userCodeLength = 8

// newUserCode turns random bytes into a user code; bytes beyond the last
// multiple of the alphabet's length are left out, which keeps it fair.
func newUserCode(random []byte) (string, bool) {
	const fair = 256 / len(userCodeAlphabet) * len(userCodeAlphabet)
	code := make([]byte, 0, userCodeLength)
	for _, b := range random {
		if int(b) < fair && len(code) < userCodeLength {
			code = append(code, userCodeAlphabet[int(b)%len(userCodeAlphabet)])
		}
	}
	return string(code), len(code) == userCodeLength
}

// parseUserCode reads a code as people type it: in any case, with or without
// dashes and spaces.
func parseUserCode(text string) (string, bool) {
	if len(text) > 64 {
		return "", false
	}
	code := strings.ToUpper(strings.NewReplacer("-", "", " ", "", "\u00a0", "", "\u2013", "", "_", "").Replace(text))
	return code, len(code) == userCodeLength && strings.Trim(code, userCodeAlphabet) == ""
}

// showUserCode writes a code as XXXX-XXXX.
func showUserCode(code string) string { return code[:4] + "-" + code[4:] }

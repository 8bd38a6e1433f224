package oauth

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/desktop-stack-serv/dss/internal/secret"
)

const (
	appCodeRandom = 28 // bytes, and 4 of the time
	// forgottenFor is how long an app is told that its code has expired, and
	// not that it is unknown.
	forgottenFor = 24 * time.Hour
)

// newAppCode returns the code that an app will redeem: 224 random bits, and
// until when it is known here at least. That only decides which error is told:
// whoever changes it deceives nobody else.
func newAppCode(until time.Time) secret.Text {
	code := make([]byte, appCodeRandom, appCodeRandom+4)
	rand.Read(code)
	code = binary.BigEndian.AppendUint32(code, uint32(until.Unix()))
	return secret.Encode(code)
}

// forgotten reports whether code was known here until lately. It says so of one
// in 50,000 texts that were not.
func forgotten(code secret.Text) bool {
	plain, err := base64.RawURLEncoding.DecodeString(code.Reveal())
	if err != nil || len(plain) != appCodeRandom+4 {
		return false
	}
	since := time.Since(time.Unix(int64(binary.BigEndian.Uint32(plain[appCodeRandom:])), 0))
	return 0 <= since && since < forgottenFor
}

package grant

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/internal/relay"
)

// deviceCode is the one secret of a device grant. Only the app has it;
// everything else is derived from it.
type deviceCode struct {
	text    string
	expires time.Time // of the grant; it only decides which error is told
}

var errDeviceCode = errors.New("not a device code")

func newDeviceCode(expires time.Time) deviceCode {
	return deviceCode{randomText() + "." + strconv.FormatInt(expires.Unix(), 36), expires}
}

func parseDeviceCode(text string) (deviceCode, error) {
	random, expiry, ok := strings.Cut(text, ".")
	seconds, err := strconv.ParseInt(expiry, 36, 64)
	if !ok || err != nil || len(random) != 43 || len(expiry) > 12 {
		return deviceCode{}, errDeviceCode
	}
	return deviceCode{text, time.Unix(seconds, 0)}, nil
}

// derived is what follows from a device code.
type derived struct {
	userCode UserCode
	state    string
	verifier relay.Secret // RFC 7636
}

func (d deviceCode) derive() (derived, error) {
	key, err := hkdf.Extract(sha256.New, []byte(d.text), nil)
	if err != nil {
		return derived{}, err
	}
	expand := func(use string, size int) []byte {
		out, expandErr := hkdf.Expand(sha256.New, key, "dss device v1 "+use, size)
		err = errors.Join(err, expandErr)
		return out
	}
	userCode, ok := newUserCode(expand("user code", 64))
	if !ok {
		err = errors.Join(err, errDeviceCode)
	}
	return derived{
		userCode: userCode,
		state:    statePrefix + base64.RawURLEncoding.EncodeToString(expand("state", 32)),
		verifier: relay.NewSecret(base64.RawURLEncoding.EncodeToString(expand("verifier", 32))),
	}, err
}

// challengeOf is the S256 challenge of a verifier (RFC 7636 section 4.2).
func challengeOf(verifier relay.Secret) string {
	sum := sha256.Sum256([]byte(verifier.Reveal()))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

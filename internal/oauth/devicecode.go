package oauth

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/desktop-stack-serv/dss/internal/secret"
)

// deviceCode is the one secret of a device grant. Only the app has it;
// everything else is derived from it.
type deviceCode struct {
	text    string
	expires time.Time // of the grant; it only decides which error is told
}

var errDeviceCode = errors.New("not a device code")

func newDeviceCode(expires time.Time) deviceCode {
	return deviceCode{secret.Random().Reveal() + "." + strconv.FormatInt(expires.Unix(), 36), expires}
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
	verifier secret.Text // RFC 7636
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
		state:    statePrefix + secret.Encode(expand("state", 32)).Reveal(),
		verifier: secret.Encode(expand("verifier", 32)),
	}, err
}

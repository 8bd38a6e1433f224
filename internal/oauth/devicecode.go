package oauth

import (
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
	key := secret.Extract(secret.New(d.text))
	var random [64]byte
	var state, verifier [32]byte
	key.Expand(random[:], "dss device v1 user code")
	key.Expand(state[:], "dss device v1 state")
	key.Expand(verifier[:], "dss device v1 verifier")
	userCode, ok := newUserCode(random[:])
	if !ok {
		return derived{}, errDeviceCode
	}
	return derived{userCode, stateText(state), secret.Encode(verifier[:])}, nil
}

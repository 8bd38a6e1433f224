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

// key returns what everything else is derived from. A poll derives the state
// alone; the others would cost it three times as much.
func (d deviceCode) key() deviceKey { return deviceKey{secret.Extract(secret.New(d.text))} }

type deviceKey struct{ secret.PRK }

// userCode reports false for a device code that has none. No app gets one.
func (k *deviceKey) userCode() (UserCode, bool) {
	var random [64]byte
	k.Expand(random[:], "dss device v1 user code")
	return newUserCode(random[:])
}

func (k *deviceKey) state() string {
	var at state
	k.Expand(at[:], "dss device v1 state")
	return at.text()
}

// verifier returns the code verifier of RFC 7636.
func (k *deviceKey) verifier() secret.Text {
	var verifier [32]byte
	k.Expand(verifier[:], "dss device v1 verifier")
	return secret.Encode(verifier[:])
}

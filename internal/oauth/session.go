package oauth

import (
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// status says how far a session is.
type status byte

const (
	pending   status = iota // nobody has approved yet
	approved                // Stack Exchange's code is there
	redeeming               // somebody is redeeming it
	denied                  // the user or Stack Exchange said no
	redeemed                // the app has its token
	spent                   // Stack Exchange refused the code
	revoked                 // the app, or the user of a code grant, wants no token
	stopping                // the user said no while somebody was redeeming the code
	undone                  // then there was a token, which is not valid any more
	unended                 // then there was a token, or may have been, which may still be valid
)

// session is one sign-in, from the app's request to its token.
type session struct {
	ClientID  string
	Scope     scope
	Challenge string // of the code verifier, S256
	Asked     time.Time

	// The code grant's.
	RedirectURI string
	State       string // the app's own
	AppCode     string // what the app redeems here; "" if it redeems Code at Stack Exchange

	// The device grant's.
	UserCode UserCode
	Network  network // of the device

	// Browser is the hash of the session of the browser that must finish.
	Browser browserHash

	Status   status
	Code     string    // Stack Exchange's
	Approved time.Time // when that code came
	Since    time.Time // of redeeming

	// Unanswered says that Stack Exchange may have seen the code: its answer
	// was lost.
	Unanswered bool
}

func (s session) device() bool { return s.UserCode != "" }

// direct reports whether the app redeems the code of Stack Exchange itself.
func (s session) direct() bool { return !s.device() && s.AppCode == "" }

// codeRoom is kept in each session for Stack Exchange's code, in bytes, so that
// an approval does not make it larger and a full store can take it. Those codes
// have 24.
const codeRoom = 64

// version starts the plain form of each entry. Entries of another version are
// unreadable.
const version = 1

func (s session) pack() []byte {
	out := append(make([]byte, 0, 512), version, byte(s.Status))
	out = sealed.AppendBool(out, s.Unanswered)
	out = append(out, s.Browser[:]...)
	out = append(out, s.Network.family, s.Network.hash[0], s.Network.hash[1])
	for _, at := range []time.Time{s.Asked, s.Approved, s.Since} {
		out = sealed.AppendTime(out, at)
	}
	for _, text := range []string{
		s.ClientID, string(s.Scope), s.Challenge, s.RedirectURI, s.State, s.AppCode, string(s.UserCode), s.Code,
	} {
		out = sealed.AppendText(out, text)
	}
	return append(out, make([]byte, max(0, codeRoom-len(s.Code)))...)
}

func unpackSession(in []byte) (s session, err error) {
	r := newReader(in)
	s.Status = status(r.Byte(byte(unended)))
	s.Unanswered = r.Bool()
	s.Browser = browserHash(r.Bytes(len(s.Browser)))
	s.Network = network{r.Byte(6), [2]byte(r.Bytes(2))}
	s.Asked, s.Approved, s.Since = r.Time(), r.Time(), r.Time()
	s.ClientID, s.Scope, s.Challenge = r.Text(), scope(r.Text()), r.Text()
	s.RedirectURI, s.State, s.AppCode = r.Text(), r.Text(), r.Text()
	s.UserCode, s.Code = UserCode(r.Text()), r.Text()
	for range codeRoom - len(s.Code) {
		r.Byte(0)
	}
	return s, r.End()
}

// newReader reads an entry behind its version.
func newReader(in []byte) *sealed.Reader {
	if len(in) == 0 || in[0] != version {
		in = nil // fails
	}
	r := sealed.NewReader(in)
	r.Byte(version)
	return r
}

// pointer is where the session of a user code is.
type pointer struct{ State string }

func (p pointer) pack() []byte { return sealed.AppendText([]byte{version}, p.State) }

func unpackPointer(in []byte) (p pointer, err error) {
	r := newReader(in)
	p.State = r.Text()
	return p, r.End()
}

// Purposes of the slots: what is stored under which secret.
const (
	underState    = "grant state"     // a session, under the state sent to Stack Exchange
	underUserCode = "grant user code" // the state, under the user code
	underPace     = "grant pace"      // a device's clock, under the state
)

// record is a session as it is stored.
type record = sealed.Record[session]

func atState(state string) *sealed.Slot {
	return sealed.NewSlot(underState, secret.New(state))
}

func atUserCode(userCode UserCode) *sealed.Slot {
	return sealed.NewSlot(underUserCode, secret.New(string(userCode)))
}

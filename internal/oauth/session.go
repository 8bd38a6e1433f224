package oauth

import (
	"context"
	"fmt"
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
	revoked                 // the device wants no token any more
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
	AppCode     string // what the app redeems

	// The device grant's.
	UserCode UserCode

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

// codeRoom is kept in each session for Stack Exchange's code, in bytes, so that
// an approval does not make it larger and a full store can take it. Those codes
// have 24.
const codeRoom = 64

func (s session) pack() []byte {
	out := append(make([]byte, 0, 512), byte(s.Status))
	out = sealed.AppendBool(out, s.Unanswered)
	out = append(out, s.Browser[:]...)
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

func (s *session) unpack(in []byte) error {
	r := sealed.NewReader(in)
	s.Status = status(r.Byte(byte(revoked)))
	s.Unanswered = r.Bool()
	s.Browser = browserHash(r.Bytes(len(s.Browser)))
	s.Asked, s.Approved, s.Since = r.Time(), r.Time(), r.Time()
	s.ClientID, s.Scope, s.Challenge = r.Text(), scope(r.Text()), r.Text()
	s.RedirectURI, s.State, s.AppCode = r.Text(), r.Text(), r.Text()
	s.UserCode, s.Code = UserCode(r.Text()), r.Text()
	for range codeRoom - len(s.Code) {
		r.Byte(0)
	}
	return r.End()
}

// pointer is where the session of a user code is.
type pointer struct{ State string }

func (p pointer) pack() []byte { return sealed.AppendText(nil, p.State) }

func (p *pointer) unpack(in []byte) error {
	r := sealed.NewReader(in)
	p.State = r.Text()
	return r.End()
}

// Purposes of the slots: what is stored under which secret.
const (
	underState    = "grant state"     // a session, under the state sent to Stack Exchange
	underUserCode = "grant user code" // the state, under the user code
	underPace     = "grant pace"      // a device's clock, under the state
)

// recordVersion starts what is sealed. Records of another version are absent.
const recordVersion = 1

// packer is a value that can be stored, and unpacker what reads it back.
type packer interface{ pack() []byte }

type unpacker[T any] interface {
	*T
	unpack([]byte) error
}

// record is a value in the store, with what it takes to change it.
type record[T packer] struct {
	slot    sealed.Slot
	sealed  []byte
	expires time.Time
	value   T
}

// create stores value under a fresh secret.
func create(
	ctx context.Context, store sealed.Store, purpose string, secret secret.Text, value packer, expires time.Time,
) (bool, error) {
	slot, err := sealed.NewSlot(purpose, secret)
	if err != nil {
		return false, err
	}
	sealed, err := seal(slot, value, expires)
	if err != nil {
		return false, err
	}
	return store.Create(ctx, slot.ID, sealed, time.Until(expires))
}

func seal(slot sealed.Slot, value packer, expires time.Time) ([]byte, error) {
	sealed, err := slot.Seal(append([]byte{recordVersion}, value.pack()...), expires)
	if err != nil {
		return nil, fmt.Errorf("seal record: %w", err)
	}
	return sealed, nil
}

// admit asks whether entries of a size in all may be stored.
func (s *Service) admit(ctx context.Context, entries, bytes int) error {
	if s.config.Admit == nil {
		return nil
	}
	return s.config.Admit(ctx, entries, bytes)
}

// size is what a store counts for a value.
func size(value packer) int {
	return sealed.EntryOverhead + sealed.SealOverhead + 1 + len(value.pack())
}

// load returns the live record under a secret. An altered one is absent.
func load[T packer, P unpacker[T]](
	ctx context.Context, store sealed.Store, purpose string, secret secret.Text,
) (r record[T], ok bool, err error) {
	if r.slot, err = sealed.NewSlot(purpose, secret); err != nil {
		return r, false, err
	}
	if r.sealed, ok, err = store.Get(ctx, r.slot.ID); err != nil || !ok {
		return r, false, err
	}
	plain, expires, err := r.slot.Open(r.sealed)
	if err != nil || !time.Now().Before(expires) || len(plain) == 0 || plain[0] != recordVersion ||
		P(&r.value).unpack(plain[1:]) != nil {
		return r, false, nil
	}
	r.expires = expires
	return r, true, nil
}

// replace stores value, unless somebody else has changed the record since it
// was loaded.
func (r *record[T]) replace(ctx context.Context, store sealed.Store, value T) (bool, error) {
	sealed, err := seal(r.slot, value, r.expires)
	if err != nil {
		return false, err
	}
	replaced, err := store.Replace(ctx, r.slot.ID, r.sealed, sealed, time.Until(r.expires))
	if replaced {
		r.sealed, r.value = sealed, value
	}
	return replaced, err
}

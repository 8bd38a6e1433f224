package grant

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/desktop-stack-serv/dss/internal/relay"
)

// status says how far a session is.
type status string

const (
	pending   status = ""          // nobody has approved yet
	approved  status = "approved"  // Stack Exchange's code is there
	redeeming status = "redeeming" // somebody is redeeming it
	denied    status = "denied"    // the user or Stack Exchange said no
	redeemed  status = "redeemed"  // the app has its token
	spent     status = "spent"     // Stack Exchange refused the code
)

// session is one sign-in, from the app's request to its token.
type session struct {
	ClientID  string    `json:"client_id"`
	Scope     scope     `json:"scope"`
	Challenge string    `json:"challenge"` // of the code verifier, S256
	Asked     time.Time `json:"asked"`

	// The code grant's.
	RedirectURI string `json:"redirect_uri,omitempty"`
	State       string `json:"state,omitempty"`    // the app's own
	AppCode     string `json:"app_code,omitempty"` // what the app redeems

	// The device grant's.
	UserCode string `json:"user_code,omitempty"`

	// Browser is the hash of the session of the browser that must finish.
	Browser []byte `json:"browser,omitempty"`

	Status   status    `json:"status,omitempty"`
	Code     string    `json:"code,omitempty"`    // Stack Exchange's
	Approved time.Time `json:"approved,omitzero"` // when that code came
	Since    time.Time `json:"since,omitzero"`    // of redeeming
}

func (s session) device() bool { return s.UserCode != "" }

// Purposes of the slots: what is stored under which secret.
const (
	underState    = "grant state"     // a session, under the state sent to Stack Exchange
	underUserCode = "grant user code" // the state, under the user code
	underPace     = "grant pace"      // a device's clock, under the state
)

// record is a value in the store, with what it takes to change it.
type record[T any] struct {
	slot    relay.Slot
	sealed  []byte
	expires time.Time
	value   T
}

// create stores value under a fresh secret.
func create[T any](ctx context.Context, store relay.Store, purpose string, secret relay.Secret, value T, expires time.Time) (bool, error) {
	r, err := newRecord[T](purpose, secret)
	if err != nil {
		return false, err
	}
	sealed, err := seal(r.slot, value, expires)
	if err != nil {
		return false, err
	}
	return store.Create(ctx, r.slot.ID, sealed, time.Until(expires))
}

func newRecord[T any](purpose string, secret relay.Secret) (r record[T], err error) {
	r.slot, err = relay.NewSlot(purpose, secret)
	return r, err
}

func seal[T any](slot relay.Slot, value T, expires time.Time) ([]byte, error) {
	plain, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("encode record: %w", err)
	}
	return slot.Seal(plain, expires)
}

// load returns the live record under a secret. An altered one is absent.
func load[T any](ctx context.Context, store relay.Store, purpose string, secret relay.Secret) (record[T], bool, error) {
	r, err := newRecord[T](purpose, secret)
	if err != nil {
		return r, false, err
	}
	var ok bool
	if r.sealed, ok, err = store.Get(ctx, r.slot.ID); err != nil || !ok {
		return r, false, err
	}
	plain, expires, err := r.slot.Open(r.sealed)
	if err != nil || !time.Now().Before(expires) || json.Unmarshal(plain, &r.value) != nil {
		return r, false, nil
	}
	r.expires = expires
	return r, true, nil
}

// replace stores value, unless somebody else has changed the record since it
// was loaded.
func (r *record[T]) replace(ctx context.Context, store relay.Store, value T) (bool, error) {
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

// remove reports whether this call removed the record.
func (r *record[T]) remove(ctx context.Context, store relay.Store) (bool, error) {
	_, ok, err := store.Take(ctx, r.slot.ID)
	return ok, err
}

package sealed

import (
	"encoding/base64"
	"time"

	"github.com/desktop-stack-serv/dss/internal/secret"
)

// A receipt leads a browser to an entry without the entry's secret. It holds what
// the slot's id and sealing key derive from, from which the secret cannot be found,
// and is sealed with a secret that only the browser has. It is stored nowhere.

// Holder seals and opens the receipts of a browser, under its secret, for one purpose.
// It is a slot where nothing is stored, so that no id is derived.
type Holder struct{ slot Slot }

// NewHolder returns the holder of a secret for one purpose.
func NewHolder(purpose string, of secret.Text) *Holder {
	return &Holder{Slot{purpose: purpose, key: secret.Extract(of)}}
}

// Receipt returns a receipt for the entry of s, until expires. Only the secret of
// holder opens it.
func (s *Slot) Receipt(holder *Holder, expires time.Time) (string, error) {
	sealed, err := holder.slot.Seal(append(s.key[:], s.purpose...), expires)
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

// OpenReceipt returns the slot that a receipt leads to, its purpose, and when the
// receipt expires, which may have passed. It fails for anything but an unaltered
// receipt for holder. A browser can make up receipts for the slots of secrets that it
// knows, so the caller has to check that the entry is the browser's.
func OpenReceipt(holder *Holder, receipt string) (at *Slot, purpose string, expires time.Time, err error) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(receipt)
	if err != nil {
		return nil, "", time.Time{}, errUnsealed
	}
	plain, expires, err := holder.slot.Open(sealed)
	var key secret.PRK
	if err != nil || len(plain) < len(key) {
		return nil, "", time.Time{}, errUnsealed
	}
	purpose = string(plain[copy(key[:], plain):])
	return newSlot(purpose, key), purpose, expires, nil
}

package relay

import (
	"crypto/sha256"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// entry is what is sealed: a response, who deposited it, and whether the
// holder of the verifier has had it already.
type entry struct {
	response Response
	browser  browserHash // of whoever deposited it, or the first of two in conflict
	claimed  time.Time
}

// browserHash is the first half of the SHA-256 of a browser's session. Zero is
// nobody's.
type browserHash [sha256.Size / 2]byte

func hashBrowser(browser secret.Text) (hash browserHash) {
	if !browser.IsZero() {
		sum := sha256.Sum256([]byte(browser.Reveal()))
		copy(hash[:], sum[:])
	}
	return hash
}

// from reports whether a browser has deposited e.
func (e entry) from(browser browserHash) bool {
	return browser != browserHash{} && e.browser == browser
}

// size returns how long the encoding is.
func (e entry) size() int {
	const kind, claimed, lengths = 1, 8, 3 * 2
	r := e.response
	return kind + len(e.browser) + claimed + lengths + len(r.Value.Reveal()) + len(r.Error) + len(r.Description)
}

func (e entry) marshal() []byte {
	out := append(make([]byte, 0, e.size()), byte(e.response.Kind))
	out = append(out, e.browser[:]...)
	out = sealed.AppendTime(out, e.claimed)
	for _, text := range []string{e.response.Value.Reveal(), e.response.Error, e.response.Description} {
		out = sealed.AppendText(out, text)
	}
	return out
}

func unmarshalEntry(in []byte) (entry, error) {
	var e entry
	r := sealed.NewReader(in)
	e.response.Kind = Kind(r.Byte(byte(KindConflict)))
	copy(e.browser[:], r.Bytes(len(e.browser)))
	e.claimed = r.Time()
	e.response.Value = secret.New(r.Text())
	e.response.Error, e.response.Description = r.Text(), r.Text()
	if err := r.End(); err != nil {
		return entry{}, err
	}
	if e.response.Kind < KindToken {
		return entry{}, sealed.ErrMalformed
	}
	return e, nil
}

func records(vault *sealed.Vault) sealed.Records[entry] {
	return sealed.NewRecords(vault, entry.marshal, unmarshalEntry)
}

// purposeOf begins the purpose of a slot. The key space follows.
const purposeOf = "relay "

// slot returns the slot of a key in its key space. The purpose of the one that most
// apps use is a constant.
func slot(space KeySpace, key Key) *sealed.Slot {
	purpose := purposeOf + string(DefaultKeySpace)
	if space != DefaultKeySpace {
		purpose = purposeOf + string(space)
	}
	return sealed.NewSlot(purpose, key.Text)
}

package relay

import (
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// entry is what is sealed: a response, who deposited it, and whether the
// holder of the verifier has had it already.
type entry struct {
	response Response
	browser  [16]byte // truncated hash of the browser's session; zero is nobody's
	claimed  time.Time
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

// slot returns the slot of a key in its key space. The purpose of the one that most
// apps use is a constant.
func slot(space KeySpace, key Key) *sealed.Slot {
	purpose := "relay " + string(DefaultKeySpace)
	if space != DefaultKeySpace {
		purpose = "relay " + string(space)
	}
	return sealed.NewSlot(purpose, key.Text)
}

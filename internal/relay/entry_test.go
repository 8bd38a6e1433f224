package relay

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
)

func FuzzEntry(f *testing.F) {
	f.Add(entry{response: NewRefusal("access_denied", "no")}.marshal())
	f.Add(entry{response: Response{Kind: KindConflict}, claimed: time.UnixMilli(5)}.marshal())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := unmarshalEntry(data)
		if err == nil && !bytes.Equal(e.marshal(), data) {
			t.Errorf("%x decodes, and encodes to %x", data, e.marshal())
		}
		if err == nil && (e.size() != len(data) || e.response.Size() != records(nil).Size(e)) {
			t.Errorf("%x has a size of %d, and counts as %d", data, e.size(), e.response.Size())
		}
	})
}

// TestEntriesDoNotPrint: whoever prints what holds a secret sees none of it.
func TestEntriesDoNotPrint(t *testing.T) {
	const canary = "canary-0123456789-abcdefghijklmnopqrstuvwxyz"
	response, err := NewToken(canary)
	if err != nil {
		t.Fatal(err)
	}
	key := Key{response.Value}
	printed := struct {
		Key      Key
		hidden   Key
		response Response
	}{key, key, response}
	for _, holder := range []any{
		key, &key, printed, &printed, NewVerifier(canary), response, entry{response: response}, &Claimed{Response: response, record: &sealed.Record[entry]{Value: entry{response: response}}},
		Claim{Key: key, Verifier: NewVerifier(canary)},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			if out := fmt.Sprintf(verb, holder); strings.Contains(out, canary) || strings.Contains(out, fmt.Sprintf("%x", canary)) {
				t.Errorf("%s of %T shows the secret: %s", verb, holder, out)
			}
		}
	}
}

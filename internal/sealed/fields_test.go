package sealed_test

import (
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
)

func record(text string, at time.Time, flag bool) []byte {
	return sealed.AppendBool(sealed.AppendTime(sealed.AppendText([]byte{7}, text), at), flag)
}

// TestRoundTrip: whatever the bytes are, they come back, and take no more room
// than they are long.
func TestRoundTrip(t *testing.T) {
	now := time.UnixMilli(time.Now().UnixMilli())
	for _, text := range []string{"", "a", "<>&\"\\", "\x00\x1f", "\xff\xfe", "\u2028é", strings.Repeat("<", sealed.MaxText)} {
		for _, at := range []time.Time{now, {}} {
			in := record(text, at, text == "")
			if len(in) != 1+2+len(text)+8+1 {
				t.Errorf("%d bytes of text became %d", len(text), len(in))
			}
			r := sealed.NewReader(in)
			kind, gotText, gotTime, flag := r.Byte(7), r.Text(), r.Time(), r.Bool()
			if err := r.End(); err != nil || kind != 7 || gotText != text || !gotTime.Equal(at) || flag != (text == "") {
				t.Errorf("%.20q became %d %.20q %v %v, %v", text, kind, gotText, gotTime, flag, err)
			}
		}
	}
}

// TestMalformed: every record that is cut, has more at its end, or a value out
// of range.
func TestMalformed(t *testing.T) {
	read := func(in []byte) error {
		r := sealed.NewReader(in)
		r.Byte(7)
		r.Text()
		r.Time()
		r.Bool()
		return r.End()
	}
	whole := record("text", time.Now(), true)
	if err := read(whole); err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		if read(whole[:n]) == nil {
			t.Errorf("the first %d bytes are taken for a record", n)
		}
	}
	for what, in := range map[string][]byte{
		"a byte more":  append(record("text", time.Now(), true), 0),
		"a wrong kind": append([]byte{8}, whole[1:]...),
		"a wrong bool": append(whole[:len(whole)-1:len(whole)-1], 2),
	} {
		if read(in) == nil {
			t.Errorf("%s is taken for a record", what)
		}
	}
}

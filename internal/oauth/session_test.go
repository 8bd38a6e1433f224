package oauth

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// full is a session with something everywhere, in which texts have bytes that
// other encodings change or multiply.
func full() session {
	now := time.UnixMilli(time.Now().UnixMilli())
	return session{
		ClientID: "123456789012345678", Scope: "read_inbox,no_expiry", Challenge: strings.Repeat("c", 43), Asked: now,
		RedirectURI: "http://127.0.0.1:5000/" + strings.Repeat("<", 1900), State: strings.Repeat("<\xff\x00\"", maxState/4),
		AppCode: strings.Repeat("a", 43), UserCode: "BCDFGHJK", Network: network{6, [2]byte{7, 8}}, Browser: browserHash{1, 2, 3}, Status: redeeming,
		Approved: now, Since: now, Code: strings.Repeat("x", 4096),
	}
}

func TestSessionRoundTrip(t *testing.T) {
	short := full()
	short.Code = "a code of Stack Exchange"
	for _, want := range []session{{}, short, full()} {
		if got, err := unpackSession(want.pack()); err != nil || got != want {
			t.Errorf("%+v became %+v, %v", want, got, err)
		}
	}
}

// TestApprovalNeedsNoRoom: nothing that becomes of a session makes it larger,
// so that a full store can take it.
func TestApprovalNeedsNoRoom(t *testing.T) {
	fresh := full()
	fresh.Status, fresh.Code, fresh.Browser = pending, "", browserHash{}
	fresh.Approved, fresh.Since = time.Time{}, time.Time{}
	asked := len(fresh.pack())
	for what, change := range map[string]func(*session){
		"continued": func(s *session) { s.Browser = browserHash{1} },
		"approved":  func(s *session) { s.Status, s.Code, s.Approved = approved, strings.Repeat("x", codeRoom), time.Now() },
		"redeeming": func(s *session) { s.Status, s.Since = redeeming, time.Now() },
		"denied":    func(s *session) { s.Status = denied },
		"redeemed":  func(s *session) { s.Status = redeemed },
		"spent":     func(s *session) { s.Status = spent },
	} {
		s := fresh
		if change(&s); len(s.pack()) != asked {
			t.Errorf("%s: %d bytes, before %d", what, len(s.pack()), asked)
		}
	}
}

// FuzzSession: what is taken for a session is exactly one.
func FuzzSession(f *testing.F) {
	s := full()
	f.Add(s.pack())
	s.Code = ""
	f.Add(s.pack())
	f.Add(session{}.pack())
	f.Add([]byte(`{"client_id":"7"}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		s, err := unpackSession(in)
		if err != nil {
			return
		}
		if out := s.pack(); !bytes.Equal(out, in) {
			t.Errorf("%x became %x", in, out)
		}
	})
}

// TestTrialRoundTrip: what becomes of a trial does not make it larger.
func TestTrialRoundTrip(t *testing.T) {
	asked := Trial{TrialRequest: TrialRequest{ClientID: "7", Scope: "read_inbox", Note: "n"}}
	answered := asked
	answered.Result, answered.since = TrialNotTaken, time.UnixMilli(time.Now().UnixMilli())
	answered.Error, answered.Message = strings.Repeat("\xff", maxTrialText), strings.Repeat("<", maxTrialText)
	for _, want := range []Trial{{}, asked, answered} {
		if got, err := unpackTrial(want.pack()); err != nil || got != want {
			t.Errorf("%+v became %+v, %v", want, got, err)
		}
	}
	if a, b := len(asked.pack()), len(answered.pack()); a != b {
		t.Errorf("%d bytes, before %d", b, a)
	}
}

// FuzzTrial: what is taken for a trial is exactly one.
func FuzzTrial(f *testing.F) {
	t := Trial{TrialRequest: TrialRequest{ClientID: "7", Scope: "s", Note: "n"}, Error: "e", Message: "m"}
	f.Add(t.pack())
	f.Add(Trial{}.pack())
	f.Add(full().pack())
	f.Fuzz(func(t *testing.T, in []byte) {
		trial, err := unpackTrial(in)
		if err != nil {
			return
		}
		if out := trial.pack(); !bytes.Equal(out, in) {
			t.Errorf("%x became %x", in, out)
		}
	})
}

// TestNetworkHoldsNoAddress: what the session holds is too short to be one, differs
// between sessions, and is the same for hundreds of networks.
func TestNetworkHoldsNoAddress(t *testing.T) {
	of := func(a, b, c byte, state string) network {
		return networkOf(netip.AddrFrom4([4]byte{a, b, c, 1}), state)
	}
	if of(198, 51, 100, "one") == of(198, 51, 100, "two") {
		t.Error("one network has the same hash in two sessions")
	}
	want, same := of(198, 51, 100, "one"), 0
	for a := range 3 {
		for bc := range 1 << 16 {
			if of(byte(11+a), byte(bc>>8), byte(bc), "one") == want {
				same++
			}
		}
	}
	if same == 0 {
		t.Error("nobody else has the hash of this network")
	}
}

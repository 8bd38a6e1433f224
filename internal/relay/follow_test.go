package relay_test

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/relay"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/sealed/storetest"
	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
)

func (b bench) receipt(key relay.Key, r relay.Response, browser string) string {
	b.Helper()
	deposited, err := b.relay.Deposit(b.Context(), "17", key, r, secret.New(browser))
	if err != nil {
		b.Fatal(err)
	}
	return deposited.Receipt
}

// progress says what a browser learns.
func (b bench) progress(receipt, browser string) string {
	b.Helper()
	followed, err := b.relay.Follow(b.Context(), receipt, secret.New(browser))
	if err != nil {
		return err.Error()
	}
	if followed.Space != "17" {
		b.Errorf("key space %q", followed.Space)
	}
	return string(followed.Progress)
}

// TestFollow: the browser that deposited learns what becomes of its deposit.
func TestFollow(t *testing.T) {
	inBubble(t, func(b bench) {
		free := storetest.Key(t, rand.Text())
		bound, verifier := storetest.BoundKey(t)
		for _, key := range []relay.Key{free, bound} {
			claim := relay.Claim{Space: "17", Key: key}
			if key.Bound() {
				claim.Verifier = verifier
			}
			receipt := b.receipt(key, token("T"), "mine")
			b.want("at first", b.progress(receipt, "mine"), "waiting")
			time.Sleep(time.Minute)
			b.want("claim", b.claim(claim), "T")
			b.want("claimed", b.progress(receipt, "mine"), "claimed")
			time.Sleep(2 * api.RetryWindow)
			b.want("later", b.progress(receipt, "mine"), "claimed")
		}
	})
}

func TestFollowSaysWhenItEnds(t *testing.T) {
	inBubble(t, func(b bench) {
		began := time.Now()
		receipt := b.receipt(storetest.Key(t, rand.Text()), token("T"), "mine")
		followed, err := b.relay.Follow(t.Context(), receipt, secret.New("mine"))
		if err != nil || !followed.Deposited.Equal(began) || !followed.Expires.Equal(began.Add(api.DefaultTTL)) {
			t.Errorf("%+v, %v", followed, err)
		}
		time.Sleep(api.DefaultTTL)
		b.want("in the end", b.progress(receipt, "mine"), "expired")
	})
}

// TestFollowOfDepositsThatMeet: what another deposit did is no claim.
func TestFollowOfDepositsThatMeet(t *testing.T) {
	refusal := relay.NewRefusal("access_denied", "the user cancelled the sign-in")
	for _, row := range []struct {
		second    relay.Response
		from      string
		want      string // for the receipt of the first
		isGiven   bool   // the second gets a receipt
		wantLater string // for the second
	}{
		{token("T"), "mine", "waiting", true, "waiting"},
		{token("other"), "mine", "waiting", true, "waiting"},
		{refusal, "mine", "refused", true, "refused"},
		{token("T"), "theirs", "waiting", false, ""},
		{token("other"), "theirs", "contended", false, ""},
		{token("other"), "", "contended", false, ""},
	} {
		inBubble(t, func(b bench) {
			key := storetest.Key(t, rand.Text())
			first := b.receipt(key, token("T"), "mine")
			second := b.receipt(key, row.second, row.from)
			b.want("the first", b.progress(first, "mine"), row.want)
			if (second != "") != row.isGiven {
				t.Errorf("%+v: receipt %q", row, second)
			}
			if row.isGiven {
				b.want("the second", b.progress(second, row.from), row.wantLater)
			}
		})
	}
}

// TestReceiptIsTheBrowsersOwn: another browser, an altered receipt and none are
// refused, whether there is an entry or not.
func TestReceiptIsTheBrowsersOwn(t *testing.T) {
	inBubble(t, func(b bench) {
		key := storetest.Key(t, rand.Text())
		receipt := b.receipt(key, token("T"), "mine")
		altered := "B" + receipt[1:]
		for _, claimed := range []bool{false, true} {
			for _, row := range [][2]string{
				{receipt, "theirs"}, {receipt, ""}, {altered, "mine"}, {receipt[:40], "mine"}, {"", "mine"},
				{receipt + "A", "mine"}, {strings.Repeat("A", 100), "mine"}, {"%", "mine"},
			} {
				b.want(row[0]+" of "+row[1], b.progress(row[0], row[1]), relay.ErrReceipt.Error())
			}
			if !claimed {
				b.want("claim", b.claim(relay.Claim{Space: "17", Key: key}), "T")
			}
		}
		if got := b.receipt(storetest.Key(t, rand.Text()), token("T"), ""); got != "" {
			t.Error("a receipt without a session")
		}
	})
}

// TestForgedReceiptSaysNothing: a browser that knows somebody else's key can make a
// receipt for it, and learns the same whatever is under the key.
func TestForgedReceiptSaysNothing(t *testing.T) {
	inBubble(t, func(b bench) {
		key, verifier := storetest.BoundKey(t)
		at := sealed.NewSlot("relay 17", key.Text)
		forged, err := at.Receipt(sealed.NewHolder("relay receipt", secret.New("mallory")), time.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		none := b.progress(forged, "mallory")
		b.receipt(key, token("T"), "victim")
		b.want("deposited", b.progress(forged, "mallory"), none)
		b.receipt(key, token("other"), "third")
		b.want("contended", b.progress(forged, "mallory"), none)
		b.want("claim", b.claim(relay.Claim{Space: "17", Key: key, Verifier: verifier}), "conflict")
		b.want("claimed", b.progress(forged, "mallory"), none)

		elsewhere := sealed.NewSlot("grant state", key.Text)
		forged, _ = elsewhere.Receipt(sealed.NewHolder("relay receipt", secret.New("mallory")), time.Now().Add(time.Hour))
		b.want("of another purpose", b.progress(forged, "mallory"), relay.ErrReceipt.Error())
	})
}

// TestReceiptHoldsNoKey: neither as it is, nor opened by its browser.
func TestReceiptHoldsNoKey(t *testing.T) {
	inBubble(t, func(b bench) {
		key := storetest.Key(t, rand.Text())
		receipt := b.receipt(key, token("TOKEN"), "mine")
		at, purpose, _, err := sealed.OpenReceipt(sealed.NewHolder("relay receipt", secret.New("mine")), receipt)
		if err != nil || purpose != "relay 17" || at.ID != sealed.NewSlot("relay 17", key.Text).ID {
			t.Errorf("%s, %v", purpose, err)
		}
		if strings.Contains(receipt+purpose, key.Reveal()) || strings.Contains(receipt, "TOKEN") {
			t.Error("the receipt shows a secret")
		}
	})
}

// TestReceiptsOfAVolatileStore: after a restart nothing is known, instead of that
// everything has been claimed.
func TestReceiptsOfAVolatileStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := func() bench {
			b := newBench(t)
			b.relay = relay.New(sealed.NewVault(memory.New(store.Limits{})), relay.Config{Volatile: true})
			return b
		}
		before := start()
		receipt := before.receipt(storetest.Key(t, rand.Text()), token("T"), "mine")
		before.want("before", before.progress(receipt, "mine"), "waiting")
		if _, err := start().relay.Follow(t.Context(), receipt, secret.New("mine")); !errors.Is(err, relay.ErrReceipt) {
			t.Errorf("after a restart: %v", err)
		}
	})
}

// counting counts what changes a store.
type counting struct {
	sealed.Store
	changes *int
}

func (s counting) Create(ctx context.Context, id sealed.ID, value []byte, ttl time.Duration) (bool, error) {
	*s.changes++
	return s.Store.Create(ctx, id, value, ttl)
}

func (s counting) Take(ctx context.Context, id sealed.ID) ([]byte, bool, error) {
	*s.changes++
	return s.Store.Take(ctx, id)
}

func (s counting) Replace(ctx context.Context, id sealed.ID, old, next []byte, ttl time.Duration) (bool, error) {
	*s.changes++
	return s.Store.Replace(ctx, id, old, next, ttl)
}

// TestFollowWritesNothing: neither does a claim write more because a page follows it.
func TestFollowWritesNothing(t *testing.T) {
	inBubble(t, func(b bench) {
		changes := 0
		b.relay = relay.New(sealed.NewVault(counting{b.store, &changes}), relay.Config{})
		bound, verifier := storetest.BoundKey(t)
		for _, claim := range []relay.Claim{
			{Space: "17", Key: storetest.Key(t, rand.Text())}, {Space: "17", Key: bound, Verifier: verifier},
		} {
			changes = 0
			receipt := b.receipt(claim.Key, token("T"), "mine")
			b.progress(receipt, "mine")
			b.want("claim", b.claim(claim), "T")
			b.want("claimed", b.progress(receipt, "mine"), "claimed")
			if changes != 2 {
				t.Errorf("%d changes, want the deposit and the claim", changes)
			}
		}
	})
}

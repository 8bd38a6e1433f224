package relay_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
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

// bench is a relay on a memory store, and short ways to use it.
type bench struct {
	*testing.T
	store *memory.Store
	relay *relay.Relay
}

func newBench(t *testing.T) bench {
	store := memory.New(store.Limits{})
	return bench{t, store, relay.New(sealed.NewVault(store), relay.Config{})}
}

// inBubble runs test in synctest time.
func inBubble(t *testing.T, test func(b bench)) {
	synctest.Test(t, func(t *testing.T) { test(newBench(t)) })
}

func token(text string) relay.Response {
	r, err := relay.NewToken(text)
	if err != nil {
		panic(err)
	}
	return r
}

func (b bench) deposit(key relay.Key, r relay.Response, browser string) relay.Outcome {
	b.Helper()
	deposited, err := b.relay.Deposit(b.Context(), relay.DefaultKeySpace, key, r, secret.New(browser))
	if err != nil {
		b.Fatalf("Deposit: %v", err)
	}
	return deposited.Outcome
}

// claim says what a claim gets: the token or code, "refused: why",
// "conflict", or the error.
func (b bench) claim(c relay.Claim) string {
	if c.Space == "" {
		c.Space = relay.DefaultKeySpace
	}
	claimed, err := b.relay.Claim(b.Context(), c)
	return outcome(claimed, err)
}

func outcome(claimed *relay.Claimed, err error) string {
	if err != nil {
		return err.Error()
	}
	return describe(claimed.Response)
}

func describe(r relay.Response) string {
	switch r.Kind {
	case relay.KindRefusal:
		return "refused: " + r.Error + ": " + r.Description
	case relay.KindConflict:
		return "conflict"
	}
	return r.Value.Reveal()
}

func (b bench) want(what, got, want string) {
	b.Helper()
	if got != want {
		b.Errorf("%s: got %q, want %q", what, got, want)
	}
}

var nothing = relay.ErrNoToken.Error()

func TestOnce(t *testing.T) {
	inBubble(t, func(b bench) {
		key := storetest.Key(t, rand.Text())
		b.want("before", b.claim(relay.Claim{Key: key}), nothing)
		b.deposit(key, token("T"), "")
		b.want("first", b.claim(relay.Claim{Key: key}), "T")
		b.want("second", b.claim(relay.Claim{Key: key}), nothing)
		if entries, bytes := b.store.Usage(); entries != 0 || bytes != 0 {
			t.Errorf("%d entries of %d bytes left", entries, bytes)
		}
	})
}

func TestKeySpacesAreSeparate(t *testing.T) {
	inBubble(t, func(b bench) {
		key := storetest.Key(t, rand.Text())
		for _, space := range []relay.KeySpace{"0", "1", "a", "A"} {
			if _, err := b.relay.Deposit(b.Context(), space, key, token("token-of-"+string(space)), secret.Text{}); err != nil {
				t.Fatal(err)
			}
		}
		for _, space := range []relay.KeySpace{"1", "A", "0", "a"} {
			b.want(string(space), b.claim(relay.Claim{Space: space, Key: key}), "token-of-"+string(space))
		}
		b.want("another space", b.claim(relay.Claim{Space: "2", Key: key}), nothing)
	})
}

func TestKeysThatLookAlikeAreDifferent(t *testing.T) {
	inBubble(t, func(b bench) {
		filler := strings.Repeat("x", 16)
		for _, pair := range [][2]string{
			{"a+b" + filler, "a b" + filler},
			{"caf\u00e9" + filler, "cafe\u0301" + filler},
			{filler + "k", filler + "K"},
			{"__proto__" + filler, "constructor" + filler},
		} {
			b.deposit(storetest.Key(t, pair[0]), token("T"), "")
			b.want(pair[1], b.claim(relay.Claim{Key: storetest.Key(t, pair[1])}), nothing)
			b.want(pair[0], b.claim(relay.Claim{Key: storetest.Key(t, pair[0])}), "T")
		}
	})
}

func TestExpiry(t *testing.T) {
	inBubble(t, func(b bench) {
		early, late := storetest.Key(t, rand.Text()), storetest.Key(t, rand.Text())
		b.deposit(early, token("T"), "")
		b.deposit(late, token("T"), "")
		time.Sleep(api.DefaultTTL - time.Second)
		b.want("just before", b.claim(relay.Claim{Key: early}), "T")
		time.Sleep(time.Second)
		b.want("just after", b.claim(relay.Claim{Key: late}), nothing)
	})
}

func TestDepositsThatMeet(t *testing.T) {
	refusal := relay.NewRefusal("access_denied", "no")
	for _, c := range []struct {
		name                  string
		first, second         relay.Response
		firstFrom, secondFrom string
		outcome               relay.Outcome
		want                  string
	}{
		{"same response, same browser", token("A"), token("A"), "one", "one", relay.Repeated, "A"},
		{"same response, other browser", token("A"), token("A"), "one", "two", relay.Repeated, "A"},
		{"same response, no browser", token("A"), token("A"), "", "", relay.Repeated, "A"},
		{"other response, same browser", token("A"), token("B"), "one", "one", relay.Replaced, "B"},
		{"other response, other browser", token("A"), token("B"), "one", "two", relay.Conflicted, "conflict"},
		{"other response, no browser", token("A"), token("B"), "", "", relay.Conflicted, "conflict"},
		{"other response, browser lost", token("A"), token("B"), "one", "", relay.Conflicted, "conflict"},
		{"refusal after a token, same browser", token("A"), refusal, "one", "one", relay.Replaced, "refused: access_denied: no"},
		{"refusal after a token, elsewhere", token("A"), refusal, "one", "two", relay.Conflicted, "conflict"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(b bench) {
				key := storetest.Key(t, rand.Text())
				b.want("first deposit", string(b.deposit(key, c.first, c.firstFrom)), string(relay.Created))
				b.want("second deposit", string(b.deposit(key, c.second, c.secondFrom)), string(c.outcome))
				b.want("claim", b.claim(relay.Claim{Key: key}), c.want)
				b.want("next claim", b.claim(relay.Claim{Key: key}), nothing)
			})
		})
	}
}

func TestConflictStays(t *testing.T) {
	inBubble(t, func(b bench) {
		key := storetest.Key(t, rand.Text())
		b.deposit(key, token("A"), "one")
		b.deposit(key, token("B"), "two")
		b.want("deposit", string(b.deposit(key, token("A"), "one")), string(relay.Conflicted))
		b.want("claim", b.claim(relay.Claim{Key: key}), "conflict")
	})
}

func TestReloadDoesNotProlong(t *testing.T) {
	inBubble(t, func(b bench) {
		key := storetest.Key(t, rand.Text())
		b.deposit(key, token("A"), "one")
		time.Sleep(api.DefaultTTL / 2)
		b.deposit(key, token("A"), "one")
		time.Sleep(api.DefaultTTL / 2)
		b.want("claim", b.claim(relay.Claim{Key: key}), nothing)
	})
}

func TestWait(t *testing.T) {
	inBubble(t, func(b bench) {
		key := storetest.Key(t, rand.Text())
		started := time.Now()
		b.want("nothing comes", b.claim(relay.Claim{Key: key, Wait: 30 * time.Second}), nothing)
		if waited := time.Since(started); waited != 30*time.Second {
			t.Errorf("waited %v", waited)
		}
		go func() {
			time.Sleep(7 * time.Second)
			b.deposit(key, token("T"), "")
		}()
		started = time.Now()
		b.want("it comes", b.claim(relay.Claim{Key: key, Wait: 30 * time.Second}), "T")
		if waited := time.Since(started); waited != 7*time.Second {
			t.Errorf("waited %v for a deposit after 7s", waited)
		}
	})
}

func TestWaiterThatHangsUpConsumesNothing(t *testing.T) {
	inBubble(t, func(b bench) {
		key := storetest.Key(t, rand.Text())
		ctx, cancel := context.WithCancel(b.Context())
		done := make(chan error)
		go func() {
			_, err := b.relay.Claim(ctx, relay.Claim{Space: "0", Key: key, Wait: time.Minute})
			done <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Claim = %v", err)
		}
		b.deposit(key, token("T"), "")
		b.want("next claim", b.claim(relay.Claim{Key: key}), "T")
	})
}

func TestTwoWaiters(t *testing.T) {
	inBubble(t, func(b bench) {
		key := storetest.Key(t, rand.Text())
		got := make(chan string, 2)
		for range 2 {
			go func() { got <- b.claim(relay.Claim{Key: key, Wait: time.Minute}) }()
		}
		synctest.Wait()
		b.deposit(key, token("T"), "")
		b.want("one", <-got, "T")
		b.want("other", <-got, nothing)
	})
}

func TestBoundKey(t *testing.T) {
	inBubble(t, func(b bench) {
		key, verifier := storetest.BoundKey(t)
		_, other := storetest.BoundKey(t)
		b.deposit(key, token("T"), "one")
		b.want("no verifier", b.claim(relay.Claim{Key: key}), relay.ErrVerifierRequired.Error())
		b.want("other verifier", b.claim(relay.Claim{Key: key, Verifier: other}), relay.ErrInvalidVerifier.Error())
		b.want("short verifier", b.claim(relay.Claim{Key: key, Verifier: relay.NewVerifier("x")}), relay.ErrInvalidVerifier.Error())
		b.want("right verifier", b.claim(relay.Claim{Key: key, Verifier: verifier}), "T")
		time.Sleep(api.RetryWindow - time.Millisecond)
		b.want("again within 60 s", b.claim(relay.Claim{Key: key, Verifier: verifier}), "T")
		b.want("other verifier still", b.claim(relay.Claim{Key: key, Verifier: other}), relay.ErrInvalidVerifier.Error())
		time.Sleep(time.Millisecond)
		b.want("after 60 s", b.claim(relay.Claim{Key: key, Verifier: verifier}), nothing)
	})
}

func TestUnboundKeyTakesNoVerifier(t *testing.T) {
	inBubble(t, func(b bench) {
		key := storetest.Key(t, rand.Text())
		_, verifier := storetest.BoundKey(t)
		b.deposit(key, token("T"), "")
		b.want("with verifier", b.claim(relay.Claim{Key: key, Verifier: verifier}), relay.ErrUnbound.Error())
		b.want("without", b.claim(relay.Claim{Key: key}), "T")
	})
}

// TestClaimedBoundKeyIsLeftAlone: whatever is deposited under it, and whoever
// claims it for a caller that has left, the holder of the verifier gets its
// answer again for a minute after the first claim, and no longer.
func TestClaimedBoundKeyIsLeftAlone(t *testing.T) {
	refusal := relay.NewRefusal("access_denied", "no")
	for _, c := range []struct {
		name     string
		response relay.Response
		browser  string
	}{
		{"the same response, same browser", token("A"), "one"},
		{"the same response, from elsewhere", token("A"), "two"},
		{"another response, same browser", token("B"), "one"},
		{"another response, from elsewhere", token("B"), "two"},
		{"another response, no browser", token("B"), ""},
		{"a refusal, same browser", refusal, "one"},
		{"a refusal, from elsewhere", refusal, "two"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(b bench) {
				key, verifier := storetest.BoundKey(t)
				claim := relay.Claim{Space: relay.DefaultKeySpace, Key: key, Verifier: verifier}
				b.deposit(key, token("A"), "one")
				b.want("first claim", b.claim(claim), "A")
				time.Sleep(api.RetryWindow / 2)
				b.want("deposit", string(b.deposit(key, c.response, c.browser)), string(relay.TooLate))
				claimed, err := b.relay.Claim(b.Context(), claim)
				b.want("second claim", outcome(claimed, err), "A")
				if err := b.relay.PutBack(b.Context(), claimed); err != nil {
					t.Fatal(err)
				}
				time.Sleep(api.RetryWindow/2 - time.Millisecond)
				b.want("just before a minute is over", b.claim(claim), "A")
				time.Sleep(time.Millisecond)
				b.want("a minute after the first claim", b.claim(claim), nothing)
			})
		})
	}
}

// TestClaimedConflictIsLeftAlone: a conflict under a bound key is an answer as
// others are.
func TestClaimedConflictIsLeftAlone(t *testing.T) {
	inBubble(t, func(b bench) {
		key, verifier := storetest.BoundKey(t)
		claim := relay.Claim{Key: key, Verifier: verifier}
		b.deposit(key, token("A"), "one")
		b.deposit(key, token("B"), "two")
		b.want("claim", b.claim(claim), "conflict")
		b.want("deposit", string(b.deposit(key, token("A"), "one")), string(relay.TooLate))
		b.want("claim again", b.claim(claim), "conflict")
	})
}

func TestPutBack(t *testing.T) {
	inBubble(t, func(b bench) {
		c := relay.Claim{Space: relay.DefaultKeySpace, Key: storetest.Key(t, rand.Text())}
		b.deposit(c.Key, token("T"), "one")
		time.Sleep(5 * time.Minute)
		claimed, err := b.relay.Claim(b.Context(), c)
		b.want("claim", outcome(claimed, err), "T")
		if err := b.relay.PutBack(b.Context(), claimed); err != nil {
			t.Fatal(err)
		}
		time.Sleep(api.DefaultTTL - 5*time.Minute - time.Second)
		b.want("claim after it was put back", b.claim(c), "T")
	})
}

func TestPutBackKeepsTheExpiry(t *testing.T) {
	inBubble(t, func(b bench) {
		key := storetest.Key(t, rand.Text())
		b.deposit(key, token("T"), "one")
		time.Sleep(api.DefaultTTL - time.Minute)
		claimed, err := b.relay.Claim(b.Context(), relay.Claim{Space: "0", Key: key})
		b.want("claim", outcome(claimed, err), "T")
		if err := b.relay.PutBack(b.Context(), claimed); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		b.want("after the ttl", b.claim(relay.Claim{Key: key}), nothing)
	})
}

// TestPutBackMeetsAnotherDeposit: what is put back is the earlier of the two.
func TestPutBackMeetsAnotherDeposit(t *testing.T) {
	for _, c := range []struct {
		name    string
		later   relay.Response
		browser string
		want    string
	}{
		{"another one from elsewhere", token("B"), "two", "conflict"},
		{"another one from the same browser", token("B"), "one", "B"},
		{"the same from elsewhere", token("A"), "two", "A"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(b bench) {
				key := storetest.Key(t, rand.Text())
				b.deposit(key, token("A"), "one")
				time.Sleep(api.DefaultTTL / 2)
				claimed, err := b.relay.Claim(b.Context(), relay.Claim{Space: "0", Key: key})
				b.want("claim", outcome(claimed, err), "A")
				b.deposit(key, c.later, c.browser)
				if err := b.relay.PutBack(b.Context(), claimed); err != nil {
					t.Fatal(err)
				}
				time.Sleep(api.DefaultTTL - time.Second)
				b.want("claim just before the later one ends", b.claim(relay.Claim{Key: key}), c.want)
			})
		})
	}
}

// TestFullStoreGoesOn: when nothing new can be deposited, what is in the store
// already can still be claimed, put back, come into conflict and be replaced.
func TestFullStoreGoesOn(t *testing.T) {
	inBubble(t, func(b bench) {
		b.store = memory.New(store.Limits{MaxEntries: 3})
		b.relay = relay.New(sealed.NewVault(b.store), relay.Config{})
		plain, disputed := storetest.Key(t, rand.Text()), storetest.Key(t, rand.Text())
		bound, verifier := storetest.BoundKey(t)
		for _, key := range []relay.Key{plain, disputed, bound} {
			b.deposit(key, token("first"), "one")
		}
		refused := func() {
			t.Helper()
			_, err := b.relay.Deposit(b.Context(), relay.DefaultKeySpace, storetest.Key(t, rand.Text()), token("T"), secret.Text{})
			if !errors.Is(err, sealed.ErrFull) {
				t.Fatalf("a deposit in a full store: %v", err)
			}
		}
		refused()
		b.want("the same again", string(b.deposit(disputed, token("first"), "two")), "repeated")
		b.want("another from the same browser", string(b.deposit(disputed, token("again"), "one")), "replaced")
		b.want("another from elsewhere", string(b.deposit(disputed, token("third"), "two")), "conflicted")
		for _, c := range []relay.Claim{{Space: "0", Key: plain}, {Space: "0", Key: bound, Verifier: verifier}} {
			claimed, err := b.relay.Claim(b.Context(), c)
			b.want("claim", outcome(claimed, err), "first")
			if !c.Key.Bound() {
				b.deposit(storetest.Key(t, rand.Text()), token("T"), "") // somebody else takes the room
			}
			refused()
			if err := b.relay.PutBack(b.Context(), claimed); err != nil {
				t.Fatalf("put back: %v", err)
			}
			refused()
			b.want("claim after it was put back", b.claim(c), "first")
		}
		b.want("claim", b.claim(relay.Claim{Key: disputed}), "conflict")
	})
}

// TestManyClaims has 64 claims at once, 1,000 times.
func TestManyClaims(t *testing.T) {
	b := newBench(t)
	for range 1000 {
		key := storetest.Key(t, rand.Text())
		b.deposit(key, token("T"), "")
		var wins atomic.Int64
		var group sync.WaitGroup
		for range 64 {
			group.Go(func() {
				if b.claim(relay.Claim{Key: key}) == "T" {
					wins.Add(1)
				}
			})
		}
		group.Wait()
		if wins.Load() != 1 {
			t.Fatalf("%d claims got the token", wins.Load())
		}
	}
}

// TestDepositsAndClaimsAtOnce has 32 browsers deposit different tokens while
// 32 apps claim: tokens that come out went in, and none comes out twice.
func TestDepositsAndClaimsAtOnce(t *testing.T) {
	b := newBench(t)
	for range 200 {
		key := storetest.Key(t, rand.Text())
		var mu sync.Mutex
		seen := map[string]int{}
		var group sync.WaitGroup
		for i := range 32 {
			group.Go(func() { b.deposit(key, token(fmt.Sprint("token-", i)), fmt.Sprint("browser-", i)) })
			group.Go(func() {
				got := b.claim(relay.Claim{Key: key})
				mu.Lock()
				seen[got]++
				mu.Unlock()
			})
		}
		group.Wait()
		for got, times := range seen {
			if strings.HasPrefix(got, "token-") && times > 1 {
				t.Fatalf("%s came out %d times", got, times)
			}
			if !strings.HasPrefix(got, "token-") && got != "conflict" && got != nothing {
				t.Fatalf("a claim got %q", got)
			}
		}
	}
}

// TestDepositMeetsDeposits has 32 deposits of different tokens before any
// claim: none comes out.
func TestDepositMeetsDeposits(t *testing.T) {
	b := newBench(t)
	for range 200 {
		key := storetest.Key(t, rand.Text())
		var group sync.WaitGroup
		for i := range 32 {
			group.Go(func() { b.deposit(key, token(fmt.Sprint("token-", i)), fmt.Sprint("browser-", i)) })
		}
		group.Wait()
		b.want("claim", b.claim(relay.Claim{Key: key}), "conflict")
	}
}

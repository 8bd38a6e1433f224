package httpapi_test

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/desktop-stack-serv/dss/internal/limit"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
)

// measured is a store that knows the longest value it was handed.
type measured struct {
	*memory.Store
	longest, handed int
}

func (m *measured) note(value []byte) {
	m.longest = max(m.longest, len(value))
	m.handed++
}

func (m *measured) Create(ctx context.Context, id sealed.ID, value []byte, ttl time.Duration) (bool, error) {
	m.note(value)
	return m.Store.Create(ctx, id, value, ttl)
}

func (m *measured) Replace(ctx context.Context, id sealed.ID, old, next []byte, ttl time.Duration) (bool, error) {
	m.note(next)
	return m.Store.Replace(ctx, id, old, next, ttl)
}

func (m *measured) Reserve() sealed.Store { return m }

const (
	challenge = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	loopback  = "http://127.0.0.1:5000/"
)

// storer is a way to have something stored, by what comes in.
type storer struct {
	fields url.Values // the least that is accepted
	send   func(l limited, address string, fields url.Values) *httptest.ResponseRecorder
}

func authorizing(l limited, address string, fields url.Values) *httptest.ResponseRecorder {
	return l.from(address, "/oauth/authorize?response_type=code&code_challenge_method=S256&"+fields.Encode(), "")
}

// ask is the least that /oauth/authorize accepts.
func ask() url.Values {
	return url.Values{"client_id": {"1"}, "redirect_uri": {loopback}, "code_challenge": {challenge}}
}

func device(l limited, address string, fields url.Values) *httptest.ResponseRecorder {
	return l.from(address, "/oauth/device_authorization", fields.Encode())
}

// storers are all ways in. What comes in with an answer of Stack Exchange is
// stored together with what came in before.
var storers = map[string]storer{
	"deposit": {
		url.Values{"state": {"kM3-9c2a7be1d04865"}, "access_token": {"T"}},
		func(l limited, address string, fields url.Values) *httptest.ResponseRecorder {
			return l.from(address, "/auth/redirect", fields.Encode())
		},
	},
	"deposit of a code": {
		url.Values{"state": {"kM3-9c2a7be1d04865"}, "code": {"T"}},
		func(l limited, address string, fields url.Values) *httptest.ResponseRecorder {
			return l.from(address, "/auth/redirect", fields.Encode())
		},
	},
	"deposit of a refusal": {
		url.Values{"state": {"kM3-9c2a7be1d04865"}, "error": {"e"}, "error_description": {"d"}},
		func(l limited, address string, fields url.Values) *httptest.ResponseRecorder {
			return l.from(address, "/auth/redirect", fields.Encode())
		},
	},
	"authorize": {
		url.Values{
			"client_id": {"1"}, "redirect_uri": {"a.b:/"}, "code_challenge": {challenge}, "state": {"s"}, "scope": {"s"},
		},
		authorizing,
	},
	"device authorization": {url.Values{"client_id": {"1"}, "scope": {"s"}}, device},
	"callback": {
		url.Values{"client_id": {"1"}, "redirect_uri": {"a.b:/"}, "code_challenge": {challenge}, "code": {"c"}},
		func(l limited, address string, fields url.Values) *httptest.ResponseRecorder {
			return l.comeBack(address, authorizing(l, address, fields), url.Values{"code": fields["code"]})
		},
	},
	"refused callback": {
		url.Values{
			"client_id": {"1"}, "redirect_uri": {"a.b:/"}, "code_challenge": {challenge},
			"error": {"e"}, "error_description": {"d"},
		},
		func(l limited, address string, fields url.Values) *httptest.ResponseRecorder {
			return l.comeBack(address, authorizing(l, address, fields),
				url.Values{"error": fields["error"], "error_description": fields["error_description"]})
		},
	},
	"callback of a device": {
		url.Values{"client_id": {"1"}, "code": {"c"}},
		func(l limited, address string, fields url.Values) *httptest.ResponseRecorder {
			begun := device(l, address, url.Values{"client_id": fields["client_id"]})
			if begun.Code != http.StatusOK {
				return begun
			}
			_, rest, _ := strings.Cut(begun.Body.String(), `"user_code":"`)
			userCode, _, _ := strings.Cut(rest, `"`)
			asked := l.from(address, "/device", "decision=continue&user_code="+userCode)
			return l.comeBack(address, asked, url.Values{"code": fields["code"]})
		},
	},
}

// comeBack follows Stack Exchange's redirect after an answer that leads there.
func (l limited) comeBack(
	address string, asked *httptest.ResponseRecorder, answer url.Values,
) *httptest.ResponseRecorder {
	l.Helper()
	to, err := url.Parse(asked.Header().Get("Location"))
	if err != nil || to.Query().Get("state") == "" || len(asked.Result().Cookies()) != 1 {
		return asked
	}
	answer.Set("state", to.Query().Get("state"))
	cookie := asked.Result().Cookies()[0]
	return l.from(address, "/oauth/callback?"+answer.Encode(), "", "Cookie", cookie.Name+"="+cookie.Value)
}

// TestWhatIsStoredIsNoLonger measures each field of each way in with bytes that
// encoders multiply: the store is handed at most 1.5 times what came in,
// decoded, and 256 bytes.
func TestWhatIsStoredIsNoLonger(t *testing.T) {
	pieces := []string{
		"<", `"`, `\`, "&", "'", "\xff", "\x00", "\x1f", "\n", "\u2028", "é", "\U0001F600", "%3C", "%", " ", "x",
	}
	longer := 0
	m := &measured{}
	l := newLimited(t, m, nil, "")
	for name, way := range storers {
		for field := range way.fields {
			if !m.measure(l, name, way, field, "", 0) {
				t.Errorf("%s: nothing is stored", name)
			}
			for _, piece := range pieces {
				for _, size := range []int{20, 200, 500, 900, 1900, 4000} {
					if m.measure(l, name, way, field, piece, size) {
						longer++
					}
				}
			}
		}
	}
	if longer < 500 { // of 2000; the others are refused
		t.Errorf("only %d longer fields are stored", longer)
	}
}

// measure reports whether what came in was stored.
func (m *measured) measure(l limited, name string, way storer, field, piece string, size int) bool {
	l.Helper()
	*m = measured{Store: inMemory()}
	fields, in := url.Values{}, 0
	for each, values := range way.fields {
		value := values[0]
		if each == field {
			value += strings.Repeat(piece, size/max(1, len(piece)))
		}
		fields.Set(each, value)
		in += len(value)
	}
	way.send(l, alice, fields)
	if m.longest > in*3/2+256 {
		l.Errorf("%s: %d bytes, %s with %d of %q, are stored in %d", name, in, field, size, piece, m.longest)
	}
	return m.handed > 0
}

// TestBytesOfOneClient: whatever way one client takes, and however large what it
// sends, the store holds no more of it than its quota, and others are served.
func TestBytesOfOneClient(t *testing.T) {
	const quota = 60_000
	large := map[string]url.Values{
		"deposit":              {"access_token": {strings.Repeat("T", 4096)}},
		"deposit of a code":    {"code": {strings.Repeat("<", 2500)}},
		"deposit of a refusal": {"error": {strings.Repeat("e", 512)}, "error_description": {strings.Repeat("<", 512)}},
		"authorize":            {"state": {strings.Repeat("<", 4096)}, "scope": {strings.Repeat("s", 1000)}},
		"device authorization": {"scope": {strings.Repeat("<", 1000)}},
		"callback":             {"code": {strings.Repeat("c", 4096)}},
		"refused callback":     {"error_description": {strings.Repeat("d", 5000)}},
		"callback of a device": {"code": {strings.Repeat("c", 4096)}},
	}
	for name, way := range storers {
		synctest.Test(t, func(t *testing.T) {
			store := inMemory()
			l := newLimited(t, store, &limit.Config{Deposits: 1000, DepositBytes: quota}, "")
			fields, throttled := url.Values{}, false
			for each, values := range way.fields {
				fields[each] = values
			}
			for each, values := range large[name] {
				fields[each] = values
			}
			for range 500 {
				if fields.Has("state") && strings.HasPrefix(name, "deposit") {
					fields.Set("state", rand.Text())
				}
				w := way.send(l, alice, fields)
				throttled = throttled || w.Code == http.StatusTooManyRequests ||
					strings.Contains(w.Header().Get("Location"), "error=temporarily_unavailable")
			}
			_, held := store.Usage()
			if !throttled || held > quota || held < quota/2 {
				t.Errorf("%s: %d bytes are held, refused: %v", name, held, throttled)
			}
			for other, way := range storers {
				if w := way.send(l, bob, way.fields); w.Code >= http.StatusBadRequest ||
					strings.Contains(w.Header().Get("Location"), "error=temporarily_unavailable") {
					t.Errorf("after %s, %s of somebody else gets %d", name, other, w.Code)
				}
			}
		})
	}
}

// TestStateOf15900 is a flood that once filled the store: what is refused is not
// stored, and takes nothing from whoever sends it.
func TestStateOf15900(t *testing.T) {
	store := inMemory()
	l := newLimited(t, store, defaults(), "")
	fields := ask()
	fields.Set("state", strings.Repeat("<", 15_900))
	for range 700 {
		w := authorizing(l, alice, fields)
		if to := w.Header().Get("Location"); !strings.HasPrefix(to, loopback+"?error=invalid_request") {
			t.Fatalf("%d %.200s", w.Code, to)
		}
	}
	if entries, held := store.Usage(); entries != 0 || held != 0 {
		t.Errorf("%d entries of %d bytes", entries, held)
	}
	fields.Set("state", strings.Repeat("<", 4096))
	sent := 0
	for range 1000 {
		if strings.HasPrefix(authorizing(l, alice, fields).Header().Get("Location"), "https://") {
			sent++
		}
	}
	entries, held := store.Usage()
	if most := limit.Defaults().DepositBytes; held > most || held < most-10_000 || int(entries) != sent {
		t.Errorf("%d entries of %d bytes, and %d sign-ins have begun", entries, held, sent)
	}
	for name, way := range storers {
		if w := way.send(l, bob, way.fields); w.Code >= http.StatusBadRequest {
			t.Errorf("%s of somebody else gets %d", name, w.Code)
		}
	}
}

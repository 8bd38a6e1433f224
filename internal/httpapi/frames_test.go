package httpapi_test

import (
	"context"
	"crypto/rand"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/relay"
	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/store/memory"
)

// counting is a store that notes how many functions of ours lead to it.
type counting struct {
	*memory.Store
	most *[]string
}

func (c counting) count() {
	stack := make([]uintptr, 100)
	frames := runtime.CallersFrames(stack[:runtime.Callers(3, stack)])
	var ours []string
	for more := true; more; {
		var frame runtime.Frame
		frame, more = frames.Next()
		if strings.HasPrefix(frame.Function, "github.com/desktop-stack-serv/dss/") {
			ours = append(ours, frame.Function)
		}
	}
	if len(ours) > len(*c.most) {
		*c.most = ours
	}
}

func (c counting) Get(ctx context.Context, id sealed.ID) ([]byte, bool, error) {
	c.count()
	return c.Store.Get(ctx, id)
}

func (c counting) Take(ctx context.Context, id sealed.ID) ([]byte, bool, error) {
	c.count()
	return c.Store.Take(ctx, id)
}

func (c counting) Replace(ctx context.Context, id sealed.ID, old, next []byte, ttl time.Duration) (bool, error) {
	c.count()
	return c.Store.Replace(ctx, id, old, next, ttl)
}

func (c counting) Watch(ctx context.Context, id sealed.ID) (<-chan struct{}, error) {
	c.count()
	return c.Store.Watch(ctx, id)
}

// TestWayOfAClaim: no more than seven functions of ours are between net/http and
// the store.
func TestWayOfAClaim(t *testing.T) {
	const most = 7
	var frames []string
	d := newDSS(t, counting{inMemory(), &frames})
	verifier := rand.Text() + rand.Text()
	bound := relay.BoundPrefix + secret.S256(secret.New(verifier))
	for _, request := range []struct{ name, method, path, body string }{
		{"get", "GET", "/auth/token?key=", ""},
		{"wait", "GET", "/auth/token?wait=1&key=", ""},
		{"post", "POST", "/auth/token", "key="},
		{"bound", "POST", "/auth/token", "verifier=" + verifier + "&key="},
	} {
		key := rand.Text()
		if request.name == "bound" {
			key = bound
		}
		d.deposit(key, "T")
		frames = nil
		path, body := request.path+key, ""
		if request.method == "POST" {
			path, body = request.path, request.body+key
		}
		if status, _, answer := d.do(request.method, path, body); status != 200 {
			t.Errorf("%s: %d %s", request.name, status, answer)
		}
		if len(frames) == 0 || len(frames) > most {
			t.Errorf("%s: %d functions lead to the store:\n%s", request.name, len(frames), strings.Join(frames, "\n"))
		}
	}
}

//go:build integration

package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/test/engines"
)

// TestBehindAPooler has everything go through PgBouncer in transaction mode:
// all works but notifications, and the store says so.
func TestBehindAPooler(t *testing.T) {
	pooler := engines.PgBouncer(t, shared)
	_, schema, _ := strings.Cut(schemaURL(t), "&")
	log := lines{make(chan string, 10)}
	s, err := Open(t.Context(), pooler.URL+"&"+schema, store.Limits{}, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	start(t, s)
	watching(t, s, 1) // does not wait for ever
	exercise(t, s)
	log.next(t, "listen=HOST:PORT")
	findings := s.inspect(t.Context())
	if f := find(t, findings, "notifications"); f.Level != store.Problem || !strings.Contains(f.Text, "listen=") {
		t.Errorf("found %v", f)
	}
	if f := find(t, findings, "pooler"); !strings.Contains(f.Text, "statement_timeout") {
		t.Errorf("found %v", f)
	}
	// What the store sets for itself must not reach others through the pool.
	for range 10 {
		if got := sql(t, pooler, "SHOW statement_timeout"); got != "0" {
			t.Fatalf("statement_timeout = %s in a session of the pooler", got)
		}
	}
}

// TestEcho has a connection that does not listen any more, with a notification that
// has come before. A pooler makes such connections: what comes while it answers
// LISTEN it passes on.
func TestEcho(t *testing.T) {
	ctx, s := t.Context(), open(t, schemaURL(t))
	t.Cleanup(func() { _ = s.Close() })
	conn, err := s.dialListener(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(ctx)) })
	if err := s.echo(ctx, conn); err != nil {
		t.Fatalf("a connection that listens: %v", err)
	}
	const two = "SELECT pg_notify($1::text, $2::text), pg_notify($1::text, $3::text)"
	if _, err := s.pool.Exec(ctx, two, s.table.channel, payload(s.self, nil), payload(id(1), nil)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.WaitForNotification(ctx); err != nil { // the other one has come, too
		t.Fatal(err)
	}
	if _, err := conn.Exec(ctx, "UNLISTEN *"); err != nil {
		t.Fatal(err)
	}
	if err := s.echo(ctx, conn); !errors.Is(err, store.ErrDeaf) {
		t.Errorf("a connection that does not listen: %v", err)
	}
}

func TestPoolerAndListen(t *testing.T) {
	pooler := engines.PgBouncer(t, shared)
	_, schema, _ := strings.Cut(schemaURL(t), "&")
	url := fmt.Sprintf("%s&%s&listen=127.0.0.1:%d", pooler.URL, schema, shared.Port)
	one, two := running(t, url), running(t, url)
	woken := watching(t, two, 1)
	create(t, one, 1, "value")
	fires(t, "a watch", woken)
	if f := find(t, one.inspect(t.Context()), "notifications"); f.Level != store.OK {
		t.Errorf("found %v", f)
	}
}

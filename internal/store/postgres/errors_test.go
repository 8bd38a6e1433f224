//go:build integration

package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/test/engines"
)

// TestErrorsOfTheServer has the server fail the way it does in trouble that a
// test cannot make. Nothing of a value may be told.
func TestErrorsOfTheServer(t *testing.T) {
	s := running(t, schemaURL(t))
	for code, want := range map[string]string{
		"53100": "disk is full",
		"53200": "out of memory",
		"53300": "raise max_connections",
		"25006": "read-only",
		"42501": "lacks a privilege",
		"57P01": "shutting down",
		"57014": "undid",
		"XX001": "it is broken (SQLSTATE XX001)",
	} {
		name := `"` + s.table.schema + `".fail`
		sql(t, shared, s.table.sql(`CREATE OR REPLACE FUNCTION `+name+`() RETURNS trigger LANGUAGE plpgsql AS
			$$ BEGIN RAISE EXCEPTION USING ERRCODE = '`+code+`', MESSAGE = 'it is broken', DETAIL = NEW.value::text; END $$;
			DROP TRIGGER IF EXISTS fail ON {entries};
			CREATE TRIGGER fail BEFORE INSERT ON {entries} FOR EACH ROW EXECUTE FUNCTION `+name+`()`))
		ok, err := s.Create(t.Context(), id(1), []byte("planted"), time.Minute)
		var own store.Trouble
		if ok || !errors.As(err, &own) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), fmt.Sprintf("%x", "planted")) {
			t.Errorf("%s: Create = %v, %v", code, ok, err)
		}
	}
	sql(t, shared, s.table.sql("DROP TRIGGER fail ON {entries}"))
	create(t, s, 1, "value")
}

func TestErrorsOfContexts(t *testing.T) {
	if err := clearer(fmt.Errorf("wrapped: %w", context.Canceled)); err != context.Canceled {
		t.Errorf("cancelled: %v", err)
	}
	if err := clearer(context.DeadlineExceeded); !strings.Contains(err.Error(), "may have happened") {
		t.Errorf("timeout: %v", err)
	}
	if clearer(nil) != nil {
		t.Error("no error became one")
	}
}

// TestErrorsOfConnecting names every host that was tried, on one line.
func TestErrorsOfConnecting(t *testing.T) {
	_, err := Open(t.Context(), "postgres://dss:planted@127.0.0.1:1,127.0.0.1:2/dss", store.Limits{}, quietly())
	if err == nil {
		t.Fatal("it opens")
	}
	text := err.Error()
	if !strings.Contains(text, "127.0.0.1:1") || !strings.Contains(text, "127.0.0.1:2") ||
		strings.Contains(text, "\n") || strings.Contains(text, "planted") {
		t.Errorf("Open = %q", text)
	}
}

// TestSwitch has the first of two hosts become read-only, as an old primary
// does: the store moves to the second one.
func TestSwitch(t *testing.T) {
	one, two := engines.Postgres(t, "fsync=off"), engines.Postgres(t, "fsync=off")
	open(t, two.URL).Close() // creates the schema
	hosts := fmt.Sprintf("127.0.0.1:%d,127.0.0.1:%d", one.Port, two.Port)
	s, err := Open(t.Context(), strings.Replace(one.URL, fmt.Sprintf("127.0.0.1:%d", one.Port), hosts, 1), store.Limits{}, quietly())
	if err != nil {
		t.Fatal(err)
	}
	start(t, s)
	create(t, s, 1, "on the first host")
	sql(t, one, "ALTER SYSTEM SET default_transaction_read_only = on")
	sql(t, one, "SELECT pg_reload_conf()")
	eventually(t, "the session is read-only", func() bool {
		return strings.TrimSpace(sql(t, one, "SHOW default_transaction_read_only")) == "on"
	})
	eventually(t, "deposits go to the second host", func() bool {
		ok, err := s.Create(t.Context(), id(2), []byte("on the second host"), time.Minute)
		if err != nil && !strings.Contains(err.Error(), "read-only") {
			t.Errorf("Create = %v", err)
		}
		return ok
	})
	if got := sql(t, two, "SELECT count(*) FROM dss_entries"); got != "1" {
		t.Errorf("%s entries on the second host", got)
	}
}

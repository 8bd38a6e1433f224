//go:build integration

package postgres

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/store"
)

func TestServersThatStartAtOnce(t *testing.T) {
	url := schemaURL(t)
	var group sync.WaitGroup
	begin := make(chan struct{})
	for range 8 {
		group.Go(func() {
			<-begin
			s, err := Open(t.Context(), url, store.Limits{}, quietly())
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	close(begin)
	group.Wait()
	s := running(t, url)
	if got := sql(t, shared, s.table.sql("SELECT version FROM {version}")); got != fmt.Sprint(len(schema)) {
		t.Errorf("schema version %q", got)
	}
	exercise(t, s)
}

func openError(t *testing.T, url string) string {
	t.Helper()
	s, err := Open(t.Context(), url, store.Limits{}, quietly())
	if err == nil {
		t.Fatal("opened", s.Close())
	}
	return err.Error()
}

func TestNewerSchemaIsRefused(t *testing.T) {
	url := schemaURL(t)
	s := running(t, url)
	sql(t, shared, s.table.sql("UPDATE {version} SET version = 99"))
	if got := openError(t, url); !strings.Contains(got, "version 99") || !strings.Contains(got, "newer program") {
		t.Errorf("Open = %s", got)
	}
}

// role is a URL like url for a new role, which may use the schema.
func role(t *testing.T, url, name string) string {
	t.Helper()
	_, schema, _ := strings.Cut(url, "search_path=")
	sql(t, shared, "CREATE ROLE "+name+" LOGIN PASSWORD 'planted-secret'; GRANT USAGE ON SCHEMA "+schema+" TO "+name)
	return strings.Replace(url, "dss@", name+":planted-secret@", 1)
}

func TestRoleThatMayNotCreate(t *testing.T) {
	owner := schemaURL(t)
	guest := role(t, owner, "guest")
	refused := openError(t, guest)
	_, script, ok := strings.Cut(refused, "\n")
	if !ok || !strings.Contains(refused, "may not create") || strings.Contains(refused, "planted-secret") {
		t.Fatalf("Open = %s", refused)
	}
	sql(t, shared, script) // as the error says
	if got := openError(t, guest); !strings.Contains(got, "lacks a privilege") {
		t.Errorf("Open without privileges = %s", got)
	}
	_, name, _ := strings.Cut(owner, "search_path=")
	at := newTable(name)
	sql(t, shared, at.sql("GRANT SELECT, INSERT, UPDATE, DELETE ON {entries}, {version} TO guest"))
	exercise(t, running(t, guest))
	exercise(t, running(t, owner)) // the script made what a migration makes
}

func TestTableOfSomebodyElse(t *testing.T) {
	url := schemaURL(t)
	_, name, _ := strings.Cut(url, "search_path=")
	sql(t, shared, "CREATE TABLE "+name+".dss_entries (theirs text)")
	if got := openError(t, url); !strings.Contains(got, "already exists") {
		t.Errorf("Open = %s", got)
	}
	if got := sql(t, shared, "SELECT count(*) FROM information_schema.tables WHERE table_schema = '"+name+"'"); got != "1" {
		t.Errorf("%s tables after a failed migration", got)
	}
}

func TestNoSchema(t *testing.T) {
	if got := openError(t, shared.URL+"&search_path=nowhere"); !strings.Contains(got, "no schema") {
		t.Errorf("Open = %s", got)
	}
}

func TestOpenErrors(t *testing.T) {
	free := strings.Replace(shared.URL, fmt.Sprint(shared.Port), "1", 1)
	for url, want := range map[string]string{
		free: "refused",
		strings.Replace(shared.URL, "/postgres?", "/nowhere?", 1):                                         "the database does not exist",
		strings.Replace(shared.URL, "dss@", "nobody:planted-secret@", 1):                                  `role "nobody" does not exist`,
		strings.Replace(shared.URL, "sslmode=disable", "sslmode=verify-full&sslrootcert=/nowhere.pem", 1): "sslrootcert",
	} {
		if got := openError(t, url); !strings.Contains(got, want) || strings.Contains(got, "planted-secret") {
			t.Errorf("Open(%s) = %s; want %q", url, got, want)
		}
	}
	var failed store.Trouble
	_, err := Open(t.Context(), free, store.Limits{}, quietly())
	if !errors.As(err, &failed) {
		t.Errorf("%T leaks", errors.Unwrap(err))
	}
}

// TestMissing says what a start would create, and creates nothing.
func TestMissing(t *testing.T) {
	ctx := t.Context()
	sql(t, shared, "CREATE SCHEMA missing_test; CREATE ROLE missing_test LOGIN; GRANT USAGE ON SCHEMA missing_test TO missing_test")
	url := shared.URL + "&search_path=missing_test"
	tables := func() string {
		return sql(t, shared, "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'missing_test'")
	}
	for range 2 {
		if what, err := missing(ctx, url); err != nil || !strings.Contains(what, "the first start creates them") || tables() != "0" {
			t.Errorf("before the first start: %q, %v, %s tables", what, err, tables())
		}
	}
	if what, err := missing(ctx, strings.Replace(url, "dss@", "missing_test@", 1)); err == nil || !strings.Contains(err.Error(), "CREATE TABLE") {
		t.Errorf("with a role that may not: %q, %v", what, err)
	}
	s, err := Open(ctx, url, store.Limits{}, quietly())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if what, err := missing(ctx, url); err != nil || what != "" {
		t.Errorf("afterwards: %q, %v", what, err)
	}
	if _, err := missing(ctx, "postgres://dss:planted/x@h/d"); !errors.As(err, new(store.URLError)) || strings.Contains(err.Error(), "planted") {
		t.Errorf("with a URL that is none: %v", err)
	}
}

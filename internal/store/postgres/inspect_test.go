//go:build integration

package postgres

import (
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/test/engines"
)

func find(t testing.TB, findings []store.Finding, subject string) store.Finding {
	t.Helper()
	for _, f := range findings {
		if f.Subject == subject {
			return f
		}
	}
	t.Fatalf("nothing about %s in %v", subject, findings)
	return store.Finding{}
}

func TestInspectFindsNothing(t *testing.T) {
	s := running(t, engines.Postgres(t, "synchronous_standby_names=").URL)
	findings := s.inspect(t.Context())
	for _, f := range findings {
		if f.Level != store.OK && f.Subject != "replication" {
			t.Errorf("%s: %s: %s", f.Level, f.Subject, f.Text)
		}
	}
	if f := find(t, findings, "replication"); f.Level != store.Warning || !strings.Contains(f.Text, "synchronous_standby_names is empty") {
		t.Errorf("found %v", f)
	}
	findings = append(findings, store.Exercise(t.Context(), s)...)
	if worst := store.Worst(findings); worst != store.Warning {
		t.Errorf("found %v", findings)
	}
}

// TestInspectFindsProblems has everything wrong at one time that does not keep
// the store from opening.
func TestInspectFindsProblems(t *testing.T) {
	server := engines.Postgres(t, "fsync=off", "full_page_writes=off", "autovacuum=off", "max_connections=20")
	open(t, server.URL).Close() // creates the schema
	sql(t, server, `CREATE ROLE guest LOGIN;
		GRANT SELECT, INSERT ON dss_entries, dss_version TO guest;
		ALTER ROLE guest SET default_transaction_read_only = on;
		ALTER ROLE guest SET default_transaction_isolation = 'serializable';
		ALTER ROLE guest SET synchronous_commit = off`)
	url := strings.Replace(server.URL, "dss@", "guest@", 1) + "&target_session_attrs=any&pool_max_conns=30"
	s := open(t, url)
	defer s.Close()
	findings := s.inspect(t.Context())
	for subject, want := range map[string]string{
		"role":        "default_transaction_read_only",
		"privileges":  "GRANT SELECT, INSERT, UPDATE, DELETE",
		"disk":        "fsync is off",
		"isolation":   "serializable",
		"autovacuum":  "autovacuum does not clean",
		"connections": "raise max_connections",
	} {
		if f := find(t, findings, subject); f.Level != store.Problem || !strings.Contains(f.Text, want) {
			t.Errorf("found %v; want %q", f, want)
		}
	}
	if f := find(t, findings, "commit"); !strings.Contains(f.Text, "synchronous_commit is off") {
		t.Errorf("found %v", f)
	}
	if got := openError(t, strings.Replace(url, "&target_session_attrs=any", "", 1)); !strings.Contains(got, "read-only") {
		t.Errorf("Open of a read-only server = %s", got)
	}
}

// TestInspectJudges what a test cannot set up.
func TestInspectJudges(t *testing.T) {
	d := server{recovery: true, settings: map[string]string{
		"server_version_num": "120005", "server_version": "12.5", "synchronous_standby_names": "ANY 1 (a, b)",
	}}
	findings := d.judge(newTable("public"))
	if f := find(t, findings, "version"); f.Level != store.Problem || !strings.Contains(f.Text, "too old") {
		t.Errorf("version: %v", f)
	}
	if f := find(t, findings, "role"); f.Level != store.Problem || !strings.Contains(f.Text, "replica") {
		t.Errorf("role: %v", f)
	}
	if f := find(t, findings, "replication"); f.Level != store.OK || !strings.Contains(f.Text, "ANY 1 (a, b)") {
		t.Errorf("replication: %v", f)
	}
	s := &Store{state: &state{}}
	var err error
	if s.settings, err = parse("postgres://db/dss?sslmode=prefer"); err != nil {
		t.Fatal(err)
	}
	if f := s.judgeTLS(false); f.Level != store.Warning || !strings.Contains(f.Text, "verify-full") {
		t.Errorf("TLS: %v", f)
	}
}

func TestInspectWithoutAServer(t *testing.T) {
	server := engines.Postgres(t, "fsync=off")
	s := open(t, server.URL)
	defer s.Close()
	server.Stop()
	if f := find(t, s.inspect(t.Context()), "connection"); f.Level != store.Problem {
		t.Errorf("found %v", f)
	}
}

package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// minServer is PostgreSQL 13, the way the server counts.
const minServer = 13_00_00

// schema holds the statements from each version of the schema to the next.
//
// Rows live for minutes, so vacuum has to come often and need not shrink the
// file, which would lock the table. The free space in pages and the coarse
// column sweep let a replacement stay in its page without touching an index
// (HOT). Values are ciphertext, which does not compress.
//
// The column expires is in Unix milliseconds; sweep is not before it, in units
// of 15 seconds. An operator may see the statements.
var schema = []string{
	`CREATE TABLE {entries} (
	id      bytea   PRIMARY KEY,
	value   bytea   NOT NULL,
	expires bigint  NOT NULL,
	sweep   integer NOT NULL
) WITH (
	fillfactor = 70, vacuum_truncate = false, toast.vacuum_truncate = false,
	autovacuum_vacuum_threshold = 1000, toast.autovacuum_vacuum_threshold = 1000,
	autovacuum_vacuum_scale_factor = 0.01, toast.autovacuum_vacuum_scale_factor = 0.01,
	autovacuum_vacuum_cost_delay = 1, toast.autovacuum_vacuum_cost_delay = 1,
	autovacuum_analyze_scale_factor = 0.1
);
ALTER TABLE {entries} ALTER COLUMN value SET STORAGE EXTERNAL;
CREATE INDEX {sweep} ON {entries} (sweep);
CREATE TABLE {version} (
	one     boolean PRIMARY KEY DEFAULT true CHECK (one),
	version integer NOT NULL
);
INSERT INTO {version} (version) VALUES (1);`,
}

// table is where the entries are.
type table struct {
	schema  string
	channel string // of notifications
	key     int64  // of advisory locks
}

// newTable names channel and locks after the schema, so that several
// installations in one database leave each other alone.
func newTable(schema string) table {
	sum := sha256.Sum256([]byte("dss " + schema))
	return table{schema, "dss_" + hex.EncodeToString(sum[:8]), int64(binary.BigEndian.Uint64(sum[8:]))}
}

// sql fills in names. They are qualified, because the session's search path
// is not ours behind a pooler.
func (t table) sql(statement string) string {
	return strings.NewReplacer(
		"{entries}", pgx.Identifier{t.schema, "dss_entries"}.Sanitize(),
		"{version}", pgx.Identifier{t.schema, "dss_version"}.Sanitize(),
		"{sweep}", pgx.Identifier{"dss_entries_sweep"}.Sanitize(),
		"{durably}", durably,
	).Replace(statement)
}

// missing says what a start would create or upgrade in the database at a URL,
// or "" if nothing. It is an error if a start could not. It creates nothing
// itself.
func missing(ctx context.Context, url string) (what string, err error) {
	settings, pool, err := connect(ctx, url)
	if err != nil {
		return "", err
	}
	defer pool.Close()
	report := func(ctx context.Context, tx pgx.Tx, t table, version int) error {
		var may bool
		row := tx.QueryRow(ctx, "SELECT has_schema_privilege($1::text, 'CREATE')", t.schema)
		if err := row.Scan(&may); err != nil {
			return err
		}
		if !may {
			return t.notAllowed(version + 1)
		}
		what = fmt.Sprintf("the tables in schema %q have version %d; a start brings them to version %d",
			t.schema, version, len(schema))
		if version == 0 {
			what = fmt.Sprintf("there are no tables in schema %q yet; the first start creates them", t.schema)
		}
		return nil
	}
	_, err = inspectSchema(ctx, pool, settings.searchPath, pgx.ReadOnly, report)
	return what, err
}

// inspectSchema finds the schema that a search path leads to and, if it is not
// up to date, calls outdated with its version in the same transaction.
func inspectSchema(
	ctx context.Context, pool *pgxpool.Pool, searchPath string, mode pgx.TxAccessMode,
	outdated func(ctx context.Context, tx pgx.Tx, t table, version int) error,
) (t table, err error) {
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	err = pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{AccessMode: mode}, func(tx pgx.Tx) error {
		if t, err = locate(ctx, tx, searchPath); err != nil {
			return err
		}
		version, err := t.version(ctx, tx)
		if err != nil || version == len(schema) {
			return err
		}
		return outdated(ctx, tx, t, version)
	})
	if err != nil {
		err = fmt.Errorf("PostgreSQL: %w", clearer(err))
	}
	return t, err
}

func locate(ctx context.Context, tx pgx.Tx, searchPath string) (table, error) {
	var schema *string
	var version int
	// Migrating, and waiting for another server that does, may take longer than a
	// request.
	if _, err := tx.Exec(ctx, "SELECT set_config('statement_timeout', '0', true)"); err != nil {
		return table{}, err
	}
	if searchPath != "" {
		if _, err := tx.Exec(ctx, "SELECT set_config('search_path', $1::text, true)", searchPath); err != nil {
			return table{}, failuref("search_path: %v", clearer(err))
		}
	}
	row := tx.QueryRow(ctx, "SELECT current_schema()::text, current_setting('server_version_num')::integer")
	if err := row.Scan(&schema, &version); err != nil {
		return table{}, err
	}
	if version < minServer {
		return table{}, failuref("the server is version %d; DSS needs 13 or newer", version/10_000)
	}
	if schema == nil {
		return table{}, failuref("no schema of the search path exists: create it, or set search_path in the URL " +
			"or for the role")
	}
	return newTable(*schema), nil
}

// version returns the schema's version, 0 if there is no schema yet.
func (t table) version(ctx context.Context, tx pgx.Tx) (version int, err error) {
	var exists bool
	name := t.sql("{version}")
	// Not to_regclass, which may still miss in one transaction what another
	// one has created meanwhile.
	row := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_catalog.pg_tables WHERE schemaname = $1::text "+
		"AND tablename = 'dss_version')", t.schema)
	if err := row.Scan(&exists); err != nil {
		return 0, failuref("look for %s: %v", name, clearer(err))
	}
	if !exists {
		return 0, nil
	}
	if err := tx.QueryRow(ctx, t.sql("SELECT version FROM {version}")).Scan(&version); err != nil {
		return 0, failuref("read %s: %v", name, clearer(err))
	}
	if version > len(schema) {
		return 0, failuref("the database has schema version %d; this program knows up to %d: use the newer program",
			version, len(schema))
	}
	return version, nil
}

// migrate brings the schema up to date. Of several servers that start at once one
// does it, and the others wait.
func migrate(ctx context.Context, tx pgx.Tx, t table, _ int) error {
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1::bigint)", t.key); err != nil {
		return err
	}
	version, err := t.version(ctx, tx)
	if err != nil {
		return err
	}
	for ; version < len(schema); version++ {
		_, err := tx.Exec(ctx, t.sql(schema[version]), pgx.QueryExecModeSimpleProtocol)
		if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == codePermission {
			return t.notAllowed(version + 1)
		} else if err != nil {
			return failuref("upgrade schema to version %d: %v", version+1, clearer(err))
		}
	}
	return nil
}

func (t table) notAllowed(version int) error {
	return failuref("the role may not create the tables in schema %q (version %d). Let the schema's owner run this, "+
		"and GRANT SELECT, INSERT, UPDATE, DELETE on both tables to the role:\n%s", t.schema, version,
		t.sql(strings.Join(schema, "\n")))
}

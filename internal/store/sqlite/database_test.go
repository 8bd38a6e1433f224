package sqlite

import (
	"database/sql/driver"
	"path/filepath"
	"testing"
)

// TestCommitsReachTheDisk: a new database is made with less care, but what an answer
// waits for is synced to the disk, in a new one and in one that is opened again.
func TestCommitsReachTheDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dss.db")
	for _, created := range []bool{true, false} {
		s := open(t, path)
		for pragma, want := range map[string]driver.Value{"synchronous": int64(2), "journal_mode": "wal", "locking_mode": "exclusive"} {
			if err := s.db.query("PRAGMA "+pragma, func(values []driver.Value) error {
				if values[0] != want {
					t.Errorf("created %t: %s is %v, want %v", created, pragma, values[0], want)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

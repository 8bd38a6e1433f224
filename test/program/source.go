package program

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// readSource has go test see that the result hangs on the server's source,
// which no test imports: without it, go test would repeat an old result. It
// notes only what tests look at, not TestMain.
func readSource(t testing.TB) {
	t.Helper()
	looked.Do(func() { statSource(t) })
}

var looked sync.Once

func statSource(t testing.TB) {
	t.Helper()
	root := ".."
	for ; ; root = filepath.Join("..", root) {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		} else if len(root) > 64 {
			t.Fatal("no go.mod above the test")
		}
	}
	for _, folder := range []string{"cmd", "internal", "api", "go.mod"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, _ fs.DirEntry, err error) error {
			if err == nil {
				_, err = os.Stat(path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

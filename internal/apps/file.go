package apps

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// maxFile bounds a list, in bytes. 20,000 apps have some 8 MiB.
const maxFile = 16 << 20

const (
	// pollEvery is how often the file is examined. A change is in force after two
	// to three times that.
	pollEvery = 200 * time.Millisecond
	// coarse is how far apart two changes may be that a file system gives the same
	// time.
	coarse = 3 * time.Second
	// retryEvery is how often a broken list is read again: what is wrong may be an
	// icon.
	retryEvery = 5 * time.Second
)

// Read reads the list at path, and the icons in its folder. Errors are [*Problem]s,
// joined, or say why the file cannot be read. before, which may be nil, spares
// checks; see [Parse].
func Read(path string, before *List) (*List, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, text, iconsIn(filepath.Dir(path)), before)
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular(): // to open a pipe would wait
		return nil, fmt.Errorf("%s is not a file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxFile:
		return nil, fmt.Errorf("%s is larger than %d MiB", path, maxFile>>20)
	}
	return text, nil
}

// File follows a file with a list of apps.
//
// It asks the file system for the file's identity, size and time, several times a
// second, which works for files that are renamed, links that are exchanged and
// folders on other machines alike. What has changed is read when it has not changed
// any more since the last look, so that a file is not read while it is written. A
// list that is broken or gone leaves the one before in force.
type File struct {
	path    string
	log     *slog.Logger
	list    atomic.Pointer[List]
	broken  atomic.Bool
	failed  atomic.Uint64
	changed func(*List)

	// What only the goroutine of Run uses.
	last  os.FileInfo       // at the last look
	read  os.FileInfo       // when the file was last read
	tried time.Time         // when that was
	sum   [sha256.Size]byte // of the list in force
	fault string            // what is wrong with the file, as it was logged
}

// Open reads the list at path.
func Open(path string, log *slog.Logger) (*File, error) {
	f := &File{path: path, log: log, changed: func(*List) {}}
	if err := f.load(); err != nil {
		return nil, err
	}
	f.last = f.read
	return f, nil
}

// List returns the list in force.
func (f *File) List() *List { return f.list.Load() }

// Broken reports whether the list in force is not the one in the file, which
// cannot be used.
func (f *File) Broken() bool { return f.broken.Load() }

// Failures counts the times that the file was found broken or gone.
func (f *File) Failures() uint64 { return f.failed.Load() }

// OnChange has changed called with each new list. It is called before [File.Run].
func (f *File) OnChange(changed func(*List)) { f.changed = changed }

// Run follows the file until ctx ends.
func (f *File) Run(ctx context.Context) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			f.poll()
		case <-ctx.Done():
			return nil
		}
	}
}

// poll takes a look at the file, and reads it if it has changed and is at rest.
func (f *File) poll() {
	info, err := os.Stat(f.path)
	if err != nil {
		f.last, f.read = nil, nil
		f.report(err)
		return
	}
	atRest := same(info, f.last)
	f.last = info
	if atRest && f.due(info) {
		f.report(f.load())
	}
}

// due reports whether to read the file. A file that was changed just before it was
// read may have been changed again since, without a difference that can be seen.
func (f *File) due(info os.FileInfo) bool {
	return !same(info, f.read) || f.tried.Sub(info.ModTime()).Abs() < coarse ||
		f.fault != "" && time.Since(f.tried) >= retryEvery
}

func same(a, b os.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// load reads the file and has it in force if it is another list than before.
func (f *File) load() (err error) {
	f.tried = time.Now()
	if f.read, err = os.Stat(f.path); err != nil {
		return err
	}
	text, err := readFile(f.path)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	before := f.list.Load()
	if before != nil && sum == f.sum {
		return nil
	}
	list, err := Parse(f.path, text, iconsIn(filepath.Dir(f.path)), before)
	if err != nil {
		return err
	}
	f.list.Store(list)
	f.sum = sum
	f.changed(list)
	f.log.Info("list of apps in force", "apps", len(list.apps), "blocked", list.Blocked())
	return nil
}

// report logs and counts what is wrong with the file, once.
func (f *File) report(err error) {
	fault := ""
	if err != nil {
		fault = err.Error()
	}
	if fault == f.fault {
		return
	}
	f.fault = fault
	f.broken.Store(err != nil)
	if err != nil {
		f.failed.Add(1)
		f.log.Error("list of apps not usable; the one before stays in force", "err", err)
	} else {
		f.log.Info("list of apps usable again")
	}
}

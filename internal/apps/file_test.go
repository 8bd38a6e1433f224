package apps

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// followed is a file that is followed in simulated time.
type followed struct {
	*File
	t       *testing.T
	path    string
	log     bytes.Buffer
	changes int
}

// follow runs test with a file that is followed.
func follow(t *testing.T, text string, test func(*followed)) {
	synctest.Test(t, func(t *testing.T) {
		f := &followed{t: t, path: t.TempDir() + "/apps.toml"}
		write(t, f.path, text)
		var err error
		if f.File, err = Open(f.path, slog.New(slog.NewTextHandler(&f.log, nil))); err != nil {
			t.Fatal(err)
		}
		f.OnChange(func(*List) { f.changes++ })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- f.Run(ctx) }()
		test(f)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// second lets a second pass.
func (f *followed) second() {
	time.Sleep(time.Second)
	synctest.Wait()
}

func (f *followed) wantNames(when string, names ...string) {
	f.t.Helper()
	var got []string
	for _, app := range f.List().All() {
		got = append(got, app.Name)
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		f.t.Errorf("%s: the apps are %v, not %v", when, got, names)
	}
}

const (
	listA  = "[[app]]\nclient_id = \"1\"\nname = \"Anna\"\n"
	listB  = "[[app]]\nclient_id = \"1\"\nname = \"Bert\"\n" // of the same size
	broken = "[[app]]\nclient_id = \"1\"\nname = "
)

// TestFileFollows whatever changes it, within a second.
func TestFileFollows(t *testing.T) {
	follow(t, listA, func(f *followed) {
		f.wantNames("at first", "Anna")
		write(t, f.path, listB) // an editor that truncates
		f.second()
		f.wantNames("rewritten", "Bert")

		write(t, f.path+".new", listA)
		if err := os.Rename(f.path+".new", f.path); err != nil {
			t.Fatal(err)
		}
		f.second()
		f.wantNames("renamed", "Anna")

		// Exchanged by a link to a folder, as Kubernetes does it.
		folder := t.TempDir()
		for version, text := range map[string]string{"v1": listA, "v2": listB} {
			if err := os.Mkdir(folder+"/"+version, 0o755); err != nil {
				t.Fatal(err)
			}
			write(t, folder+"/"+version+"/apps.toml", text)
		}
		for _, step := range [][2]string{{"v1", folder + "/data"}, {folder + "/data/apps.toml", f.path + ".new"}} {
			if err := os.Symlink(step[0], step[1]); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Rename(f.path+".new", f.path); err != nil {
			t.Fatal(err)
		}
		f.second()
		f.wantNames("linked", "Anna")
		if err := os.Symlink("v2", folder+"/new"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(folder+"/new", folder+"/data"); err != nil {
			t.Fatal(err)
		}
		f.second()
		f.wantNames("exchanged", "Bert")
		if f.changes != 3 || f.Failures() != 0 {
			t.Errorf("%d changes, %d failures:\n%s", f.changes, f.Failures(), f.log.String())
		}
	})
}

// TestFileSeesAChangeOfSameSizeAndTime: some file systems count in seconds.
func TestFileSeesAChangeOfSameSizeAndTime(t *testing.T) {
	follow(t, listA, func(f *followed) {
		at := time.Now()
		for _, text := range []string{listA, listB} {
			write(t, f.path, text)
			if err := os.Chtimes(f.path, at, at); err != nil {
				t.Fatal(err)
			}
			f.second()
		}
		f.wantNames("changed in the same second", "Bert")
	})
}

// TestABrokenFileLeavesTheListInForce, and is reported once.
func TestABrokenFileLeavesTheListInForce(t *testing.T) {
	follow(t, listA, func(f *followed) {
		for _, harm := range []func(){
			func() { write(t, f.path, broken) },
			func() { write(t, f.path, "") },
			func() { write(t, f.path, strings.Repeat("# too large\n", maxFile/10)) },
			func() { _ = os.Remove(f.path) },
			func() { _, _ = os.Remove(f.path), os.Mkdir(f.path, 0o755) },
		} {
			failures := f.Failures()
			_ = os.Remove(f.path)
			write(t, f.path, listA)
			f.second()
			if f.Broken() {
				t.Error("a good list is broken")
			}
			harm()
			for range 30 {
				f.second()
			}
			f.wantNames("broken", "Anna")
			if !f.Broken() || f.Failures() != failures+1 {
				t.Errorf("broken %t, %d more failures", f.Broken(), f.Failures()-failures)
			}
		}
		if got := strings.Count(f.log.String(), "level=ERROR"); got != 5 {
			t.Errorf("%d lines for 5 failures:\n%s", got, f.log.String())
		}
		if got := strings.Count(f.log.String(), "list of apps usable again"); got != 4 {
			t.Errorf("%d lines for 4 recoveries:\n%s", got, f.log.String())
		}
	})
}

// TestAFileThatIsWrittenIsNotRead before its writer is done.
func TestAFileThatIsWrittenIsNotRead(t *testing.T) {
	follow(t, listA, func(f *followed) {
		file, err := os.Create(f.path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		for _, line := range strings.SplitAfter(listB+strings.ReplaceAll(listA, `"1"`, `"2"`), "\n") {
			time.Sleep(pollEvery - time.Millisecond)
			if _, err := file.WriteString(line); err != nil {
				t.Fatal(err)
			}
			f.wantNames("while it is written", "Anna")
		}
		f.second()
		f.wantNames("written", "Bert", "Anna")
		if f.changes != 1 || f.Failures() != 0 {
			t.Errorf("%d changes, %d failures", f.changes, f.Failures())
		}
	})
}

// TestAnIconMayComeLater than the list that names it.
func TestAnIconMayComeLater(t *testing.T) {
	follow(t, listA, func(f *followed) {
		write(t, f.path, listB+"icon = \"icon.png\"\n")
		f.second()
		f.wantNames("without its icon", "Anna")
		write(t, f.path[:len(f.path)-len("apps.toml")]+"icon.png", string(picture(t, 32, 32)))
		for range 6 {
			f.second()
		}
		f.wantNames("with its icon", "Bert")
	})
}

// TestReadersNeverSeeAPart: lists are whole while they are exchanged.
func TestReadersNeverSeeAPart(t *testing.T) {
	path := t.TempDir() + "/apps.toml"
	write(t, path, listA)
	f, err := Open(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	p := Policy{List: f.List}
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if app := p.ByClientID("1"); app == nil || app.Name == "" || p.Permit(app, FlowCode, nil) != nil {
					t.Errorf("the app is %v", app)
					return
				}
			}
		})
	}
	for i := range 200 {
		write(t, path, []string{listA, listB}[i%2])
		if err := f.load(); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	readers.Wait()
}

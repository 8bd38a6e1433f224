package apps

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestBlockInsertsOneLine, and unblocking removes it: the rest stays byte for
// byte, whatever the style of the file.
func TestBlockInsertsOneLine(t *testing.T) {
	for _, text := range []string{
		full,
		"[[app]]\nclient_id=\"123\"\nname=\"A\"",
		"\ufeff[[app]]\r\nclient_id=\"123\"\r\nname=\"A\"\r\n",
		"  [[app]] # ours\r\n\tclient_id = '123'\r\n\r\n\tname = \"A\"\r\n[[app]]\r\napp_id='b'\r\nname='B'\r\n",
		"\n\n[[ app ]]\n# a comment\n    \"name\" = '''\nA'''\n    client_id = \"123\"\n\n\n# the end",
	} {
		path := t.TempDir() + "/apps.toml"
		write(t, path, text)
		if err := Block(path, "123", `It "spams" \ people.`); err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		blocked := read(t, path)
		l := mustParse(t, blocked)
		if app := l.byClientID["123"]; app.Blocked != `It "spams" \ people.` {
			t.Errorf("the reason is %q", app.Blocked)
		}
		if got, want := strings.Count(blocked, "\n"), strings.Count(text, "\n")+1; got != want {
			t.Errorf("%q has %d line ends, not %d", blocked, got, want)
		}
		if err := Block(path, "123", "Again."); err != nil || strings.Count(read(t, path), "blocked") != strings.Count(blocked, "blocked") {
			t.Errorf("blocked again, %v:\n%s", err, read(t, path))
		}
		if err := Unblock(path, "123"); err != nil || read(t, path) != text {
			t.Errorf("unblocked, %v: it is %q, not %q", err, read(t, path), text)
		}
		if err := Unblock(path, "123"); err != nil || read(t, path) != text {
			t.Errorf("unblocked twice: %v", err)
		}
	}
}

func TestUnblockRemovesAllLinesOfAReason(t *testing.T) {
	path := t.TempDir() + "/apps.toml"
	const before, after = "[[app]]\nclient_id = \"1\"\n", "name = \"A\"\n"
	write(t, path, before+"blocked = \"\"\"\nIt \\\n   spams.\"\"\" # sadly\n"+after)
	if err := Unblock(path, "1"); err != nil || read(t, path) != before+after {
		t.Errorf("%v: %q", err, read(t, path))
	}
}

func TestBlockOfAnUnlistedApp(t *testing.T) {
	path := t.TempDir() + "/apps.toml"
	const text = "[[app]]\nclient_id = \"1\"\nname = \"A\"" // without an end of the line
	write(t, path, text)
	if err := Block(path, "999", "Spam."); !errors.Is(err, ErrUnlisted) {
		t.Errorf("the error is %v", err)
	}
	if err := BlockNew(path, "999", "Bad", "Spam."); err != nil {
		t.Fatal(err)
	}
	if err := BlockNew(path, "bad", "Worse", "Spam, too."); err != nil {
		t.Fatal(err)
	}
	l := mustParse(t, read(t, path))
	if l.byClientID["999"].Blocked != "Spam." || l.byAppID["bad"].Blocked != "Spam, too." || !strings.HasPrefix(read(t, path), text) {
		t.Errorf("the list is\n%s", read(t, path))
	}
	before := read(t, path)
	for _, try := range []error{
		BlockNew(path, "999", "Other", "Spam."), BlockNew(path, "a b", "Other", "Spam."), BlockNew(path, "7", "B4d", ""),
		BlockNew(path, "7", "<b>", "Spam."), Block(path, "1", ""), Block(path, "1", "a\nb"), Unblock(path, "7"), Block(path, "", "Spam."),
	} {
		if try == nil || read(t, path) != before {
			t.Errorf("a mistake is taken, or changes the list: %v", try)
		}
	}
}

func TestEditLeavesABrokenListAlone(t *testing.T) {
	path := t.TempDir() + "/apps.toml"
	const text = "[[app]]\nclient_id = \"1\"\nname = \"A\"\nx = 1\n"
	write(t, path, text)
	if err := Block(path, "1", "Spam."); err == nil || !strings.Contains(err.Error(), "apps.toml:4: unknown member") || read(t, path) != text {
		t.Errorf("the error is %v, the list\n%s", err, read(t, path))
	}
}

// TestEditKeepsModeAndLink: the file stays where the link leads, as it was.
func TestEditKeepsModeAndLink(t *testing.T) {
	folder := t.TempDir()
	path, link := folder+"/real/apps.toml", folder+"/apps.toml"
	if err := os.Mkdir(folder+"/real", 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, path, full)
	if err := errors.Join(os.Chmod(path, 0o604), os.Symlink("real/apps.toml", link)); err != nil {
		t.Fatal(err)
	}
	if err := Block(link, "123", "Spam."); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(link)
	if err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", info, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o604 || !strings.Contains(read(t, path), "Spam.") {
		t.Errorf("the file is %v, %v", info, err)
	}
	if left, _ := filepath.Glob(folder + "/real/.*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestBlocksAtOnce: none is lost, and no reader sees a part.
func TestBlocksAtOnce(t *testing.T) {
	const n = 20
	path := t.TempDir() + "/apps.toml"
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "[[app]]\napp_id = \"app%d\"\nname = \"App %c\"\n", i, 'A'+i)
	}
	write(t, path, strings.ReplaceAll(text.String(), "App I", "App Y")) // I looks like L
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			if err := Block(path, fmt.Sprintf("app%d", i), "Spam."); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			if _, err := Read(path, nil); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if l := mustParse(t, read(t, path)); l.Blocked() != n {
		t.Errorf("%d of %d are blocked", l.Blocked(), n)
	}
}

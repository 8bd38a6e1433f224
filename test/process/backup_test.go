//go:build integration

package process_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// stubs are what the instructions call that is not on a test's machine:
// systemctl, which ends the server of the test in order, if it runs at all.
const stubs = `#!/bin/sh
pid=$(cat "$PID_FILE")
if [ "$1" = stop ] && kill -TERM "$pid" 2>/dev/null; then
	while [ -d "/proc/$pid" ] && ! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null; do
		sleep 0.05
	done
fi
exit 0
`

// instructions are the commands in docs/deploy.md to back up and to restore.
func instructions(t *testing.T) (backUp, restore string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/deploy.md")
	if err != nil {
		t.Fatal(err)
	}
	_, chapter, _ := strings.Cut(string(text), "\n## Back up, restore\n")
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(chapter, -1)
	if len(blocks) != 2 {
		t.Fatalf("%d blocks of commands", len(blocks))
	}
	return blocks[0][1], blocks[1][1]
}

// TestBackupAndRestore follows the instructions as they stand in the docs, but
// for the folders: whether a server was killed or has ended in order, what was
// in it when the copy was made is there after it has been put back.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Log("the instructions are for Linux")
		return
	}
	backUp, restore := instructions(t)
	for name, end := range map[string]func(*process){
		"in order": func(p *process) { p.terminate() },
		"killed":   func(p *process) { p.Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			p := m.start()
			kept := deposits(p, 200)
			end(p)
			m.follow(p, backUp)

			p = m.start()
			lost := deposits(p, 50)
			end(p)
			m.follow(p, restore)

			p = m.start()
			for i, key := range kept {
				if status, body := p.claim(key); status != http.StatusOK {
					t.Fatalf("entry %d: %d %s", i, status, body)
				}
			}
			for _, key := range lost {
				if status, _ := p.claim(key); status != http.StatusNotFound {
					t.Errorf("an entry that came after the copy: %d", status)
				}
			}
			m.noSharedMemory(p)
			m.follow(p, backUp) // the next night, with a server that runs
			m.follow(p, restore)
			m.start().terminate()
		})
	}
}

// machine has the folders of a service.
type machine struct {
	t      *testing.T
	folder string
}

func newMachine(t *testing.T) machine {
	m := machine{t, t.TempDir()}
	for _, folder := range []string{"bin", "var/lib/dss", "var/backups"} {
		if err := os.MkdirAll(m.path(folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(m.path("bin/systemctl"), []byte(stubs), 0o700); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m machine) path(name string) string { return filepath.Join(m.folder, name) }

func (m machine) start() *process {
	m.t.Helper()
	p := start(m.t, "--store", "sqlite:"+m.path("var/lib/dss/dss.db"))
	if err := os.WriteFile(m.path("pid"), fmt.Append(nil, p.Cmd.Process.Pid), 0o600); err != nil {
		m.t.Fatal(err)
	}
	return p
}

// follow runs commands, whose first ends the server if it still runs.
func (m machine) follow(p *process, commands string) {
	m.t.Helper()
	cmd := exec.Command("sh", "-e", "-u", "-c", strings.ReplaceAll(commands, "/var/", m.path("var")+"/"))
	cmd.Env = []string{"PATH=" + m.path("bin") + ":" + os.Getenv("PATH"), "PID_FILE=" + m.path("pid")}
	if output, err := cmd.CombinedOutput(); err != nil {
		m.t.Fatalf("%v\n%s\n%s", err, output, commands)
	}
	p.Kill()
}

// noSharedMemory: the process has the database for itself.
func (m machine) noSharedMemory(p *process) {
	m.t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", p.Cmd.Process.Pid))
	if err != nil || strings.Contains(string(maps), "dss.db") {
		m.t.Errorf("a file of the database is mapped: %v", err)
	}
	if left, err := filepath.Glob(m.path("var/lib/dss/*-shm")); err != nil || len(left) > 0 {
		m.t.Errorf("%v, %v", left, err)
	}
}

func deposits(p *process, n int) []string {
	p.t.Helper()
	keys := make([]string, n)
	for i := range keys {
		keys[i] = rand.Text()
		if !p.deposit(keys[i], "token-of-"+keys[i]) {
			p.t.Fatal("no deposit")
		}
	}
	return keys
}

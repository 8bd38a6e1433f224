//go:build integration

package process_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	piece   = 4 << 20 // bytes of a process's memory that are read at a time
	overlap = 256     // which is longer than what is looked for
)

// finder looks for many texts of at least 8 bytes at once.
type finder struct {
	first [1 << 16]bool              // whether a text begins with two bytes
	texts map[[8]byte][]*sought      // by their first bytes
	found map[string]map[string]bool // texts that were found, by kind
}

type sought struct{ kind, text string }

func newFinder(wanted map[string][]string) *finder {
	f := &finder{texts: map[[8]byte][]*sought{}, found: map[string]map[string]bool{}}
	for kind, texts := range wanted {
		f.found[kind] = map[string]bool{}
		for _, text := range texts {
			f.first[two([]byte(text))] = true
			begin := [8]byte([]byte(text))
			f.texts[begin] = append(f.texts[begin], &sought{kind, text})
		}
	}
	return f
}

func two(b []byte) uint16 { return uint16(b[0])<<8 | uint16(b[1]) }

func (f *finder) search(in []byte) {
	for i := 0; i+8 <= len(in); i++ {
		if !f.first[two(in[i:])] {
			continue
		}
		for _, s := range f.texts[[8]byte(in[i:])] {
			if bytes.HasPrefix(in[i:], []byte(s.text)) {
				f.found[s.kind][s.text] = true
			}
		}
	}
}

// inMemory finds texts anywhere in the memory of the process: heap, stacks, data, and
// files that it maps.
func (p *process) inMemory(wanted map[string][]string) *finder {
	p.t.Helper()
	f := newFinder(wanted)
	if err := eachPiece(p.Cmd.Process.Pid, f.search); err != nil {
		p.t.Fatal(err)
	}
	return f
}

// inFiles finds texts in the files of a folder.
func inFiles(t *testing.T, folder string, wanted map[string][]string) *finder {
	t.Helper()
	files, err := os.ReadDir(folder)
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	f := newFinder(wanted)
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join(folder, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		f.search(content)
	}
	return f
}

// eachPiece reads all memory of a process that is not zero, in pieces that overlap.
func eachPiece(pid int, search func([]byte)) error {
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return err
	}
	defer maps.Close()
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return err
	}
	defer memory.Close()
	buffer, zero := make([]byte, piece+overlap), make([]byte, piece+overlap)
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		if strings.Contains(lines.Text(), "[v") { // vsyscall and its like are the kernel's
			continue
		}
		var from, to int64
		var access string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &access); err != nil {
			return err
		}
		if access[0] != 'r' {
			continue
		}
		for at := from; at < to; at += piece {
			n, err := memory.ReadAt(buffer[:min(int64(len(buffer)), to-at)], at)
			if err != nil && !errors.Is(err, io.EOF) {
				break // given back to the system since
			}
			if read := buffer[:n]; !bytes.Equal(read, zero[:n]) {
				search(read)
			}
		}
	}
	return nil
}

package main

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// subject is what can be measured.
type subject string

const (
	bare    subject = "bare handler"
	dressed subject = "bare handler, DSS's headers"
	memory  subject = "memory"
	sqlite  subject = "SQLite"
)

// server is a running process of a subject.
type server struct {
	subject subject
	cmd     *exec.Cmd
	address string
	ready   time.Duration // from the start of the process to its first line
}

var addressPattern = regexp.MustCompile(`http://(\S+)`)

// start starts a subject with a fresh store. Logs are written, to nowhere.
func (s settings) start(what subject) (*server, error) {
	command, err := s.command(what)
	if err != nil {
		return nil, err
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := command.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	started := &server{subject: what, cmd: command, ready: time.Since(began)}
	match := addressPattern.FindStringSubmatch(line)
	if err != nil || match == nil {
		return nil, errors.Join(fmt.Errorf("%s did not start: %q", what, line), started.kill())
	}
	started.address = match[1]
	return started, nil
}

func (s settings) command(what subject) (*exec.Cmd, error) {
	if what == bare || what == dressed {
		return s.ceilingCommand(what)
	}
	store := "memory:"
	if what == sqlite {
		folder, err := os.MkdirTemp(s.folder, "store-")
		if err != nil {
			return nil, err
		}
		store = "sqlite:" + filepath.Join(folder, "dss.db")
	}
	arguments := append([]string{"serve", "--listen", "127.0.0.1:0", "--store", store, "--limits", "off"}, s.flags...)
	return exec.Command(s.binary, arguments...), nil
}

func (s settings) ceilingCommand(what subject) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	headers := http.Header{}
	if what == dressed {
		if headers, err = s.headers(); err != nil {
			return nil, err
		}
	}
	text, err := json.Marshal(headers)
	return exec.Command(self, "ceiling", string(text)), err
}

// headers are those that dss sends with every answer to a poll.
func (s settings) headers() (http.Header, error) {
	one, err := s.start(memory)
	if err != nil {
		return nil, err
	}
	response, err := http.Get("http://" + one.address + "/auth/token?key=" + rand.Text())
	if err != nil {
		return nil, errors.Join(err, one.kill())
	}
	for _, name := range []string{"Date", "Content-Type", "Content-Length"} {
		response.Header.Del(name)
	}
	return response.Header, errors.Join(response.Body.Close(), one.stop())
}

// startAll starts the subjects; the function it returns ends them.
func (s settings) startAll(subjects ...subject) ([]*server, func() error, error) {
	var all []*server
	stop := func() (err error) {
		for _, one := range all {
			err = errors.Join(err, one.stop())
		}
		return err
	}
	for _, what := range subjects {
		one, err := s.start(what)
		if err != nil {
			return nil, nil, errors.Join(err, stop())
		}
		all = append(all, one)
	}
	return all, stop, nil
}

// stop ends dss as a service manager does, and fails if it ends badly.
func (s *server) stop() error {
	if s.subject == bare || s.subject == dressed {
		return s.kill()
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := s.cmd.Wait(); err != nil {
		return fmt.Errorf("%s ended badly: %w", s.subject, err)
	}
	return nil
}

func (s *server) kill() error {
	err := s.cmd.Process.Kill()
	_ = s.cmd.Wait() // it says that the process was killed
	return err
}

// resident is the memory that the process has in RAM, in bytes.
func (s *server) resident() (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmRSS:" {
			kilobytes, err := strconv.ParseInt(fields[1], 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, errors.New("the system does not tell a process's memory")
}

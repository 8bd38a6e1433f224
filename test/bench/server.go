package main

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/desktop-stack-serv/dss/test/engines"
)

// subject is what can be measured.
type subject string

const (
	bare    subject = "bare handler"
	dressed subject = "bare handler, DSS's headers"
	memory  subject = "memory"
	sqlite  subject = "SQLite"
	// The engines are as docs/operating.md recommends: an answer is on disk.
	redis    subject = "Redis"
	postgres subject = "PostgreSQL"
)

// server is a running process of a subject.
type server struct {
	subject subject
	cmd     *exec.Cmd
	address string
	tls     *pair         // or nil
	ready   time.Duration // from the start of the process to its first line
	store   string        // the value of --store
	engine  io.Closer     // its store's, if that is another process
}

var addressPattern = regexp.MustCompile(`https?://(\S+)`)

// start starts a subject with a fresh store. Logs are written, to nowhere.
func (s settings) start(what subject) (*server, error) {
	if what == bare || what == dressed {
		command, err := s.ceilingCommand(what)
		if err != nil {
			return nil, err
		}
		return s.launch(what, command)
	}
	store, engine, err := s.newStore(what)
	if err != nil {
		return nil, err
	}
	started, err := s.startOn(what, store)
	if err != nil {
		return nil, errors.Join(err, closeEngine(engine))
	}
	started.store, started.engine = store, engine
	return started, nil
}

// startOn starts a dss on a store.
func (s settings) startOn(what subject, store string) (*server, error) {
	arguments := append([]string{"serve", "--listen", "127.0.0.1:0", "--store", store, "--limits", "off"}, s.flags...)
	return s.launch(what, exec.Command(s.binary, append(arguments, s.tls.flags()...)...))
}

func (s settings) launch(what subject, command *exec.Cmd) (*server, error) {
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := command.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	started := &server{subject: what, cmd: command, tls: s.tls, ready: time.Since(began)}
	match := addressPattern.FindStringSubmatch(line)
	if err != nil || match == nil {
		return nil, errors.Join(fmt.Errorf("%s did not start: %q", what, line), started.kill())
	}
	started.address = match[1]
	return started, nil
}

// newStore returns an empty store as --store names it, and its engine, if that
// is another process.
func (s settings) newStore(what subject) (string, io.Closer, error) {
	switch what {
	case sqlite:
		folder, err := os.MkdirTemp(s.folder, "store-")
		return "sqlite:" + filepath.Join(folder, "dss.db"), nil, err
	case redis:
		engine, err := engines.StartRedis()
		if err != nil {
			return "", nil, err
		}
		return engine.URL, engine, nil
	case postgres:
		engine, err := engines.StartPostgres()
		if err != nil {
			return "", nil, err
		}
		return engine.URL, engine, nil
	}
	return "memory:", nil, nil
}

func closeEngine(engine io.Closer) error {
	if engine == nil {
		return nil
	}
	return engine.Close()
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
	arguments := []string{"ceiling", string(text)}
	if s.tls != nil {
		arguments = append(arguments, s.tls.cert, s.tls.key)
	}
	command := exec.Command(self, arguments...)
	command.Stderr = os.Stderr // if it dies, that says why
	return command, err
}

// headers are those that dss sends with every answer to a poll.
func (s settings) headers() (http.Header, error) {
	one, err := s.start(memory)
	if err != nil {
		return nil, err
	}
	asking := &http.Client{Transport: s.tls.transport(), Timeout: answerTime}
	response, err := asking.Get(s.tls.scheme() + "://" + one.address + "/auth/token?key=" + rand.Text())
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
	return closeEngine(s.engine)
}

func (s *server) kill() error {
	err := s.cmd.Process.Kill()
	_ = s.cmd.Wait() // it says that the process was killed
	return errors.Join(err, closeEngine(s.engine))
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

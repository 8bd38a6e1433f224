package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/desktop-stack-serv/dss/test/engines"
)

// subject is what can be measured.
type subject string

const (
	bare   subject = "bare"
	memory subject = "memory"
	sqlite subject = "SQLite"
	// A thousand times the usual limits, for thousands of clients behind a proxy.
	limited subject = "limited"
	// The engines are as docs/operating.md recommends: an answer is on disk.
	redis    subject = "Redis"
	postgres subject = "PostgreSQL"
)

var all = []subject{bare, memory, sqlite, limited, redis, postgres}

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
	if what == bare {
		command, err := s.ceilingCommand()
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
	limits := []string{"--limits", "off"}
	if what == limited {
		limits = []string{"--limits", "1000", "--trusted-proxies", "127.0.0.1"}
	}
	arguments := slices.Concat([]string{"serve", "--listen", "127.0.0.1:0", "--store", store}, limits, s.flags)
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
	case sqlite, limited:
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

func (s settings) ceilingCommand() (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	command := exec.Command(self, "ceiling")
	if s.tls != nil {
		command.Args = append(command.Args, s.tls.cert, s.tls.key)
	}
	command.Stderr = os.Stderr // if it dies, that says why
	return command, nil
}

// chosen returns those of the subjects that are to be measured, the bare handler first.
func (s settings) chosen(subjects ...subject) []subject {
	return slices.DeleteFunc(subjects, func(what subject) bool {
		return what != bare && s.servers != nil && !slices.Contains(s.servers, what)
	})
}

// startAll starts the chosen subjects; the function it returns ends them.
func (s settings) startAll(subjects ...subject) ([]*server, func() error, error) {
	var started []*server
	stop := func() (err error) {
		for _, one := range started {
			err = errors.Join(err, one.stop())
		}
		return err
	}
	for _, what := range s.chosen(subjects...) {
		one, err := s.start(what)
		if err != nil {
			return nil, nil, errors.Join(err, stop())
		}
		started = append(started, one)
	}
	return started, stop, nil
}

// stop ends dss as a service manager does, and fails if it ends badly.
func (s *server) stop() error {
	if s.subject == bare {
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

// processorTime returns what the process has used of the processors, in user and
// system mode. Engines are other processes and not part of it.
func (s *server) processorTime() (time.Duration, error) {
	const cpuClock = 2 // of a process: clock_getcpuclockid(3)
	var used unix.Timespec
	err := unix.ClockGettime(int32(^s.cmd.Process.Pid<<3|cpuClock), &used)
	return time.Duration(used.Nano()), err
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

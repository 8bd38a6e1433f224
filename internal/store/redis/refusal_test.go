//go:build integration

package redis

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/internal/sealed"
	"github.com/desktop-stack-serv/dss/internal/store"
	"github.com/desktop-stack-serv/dss/test/engines"
)

func TestOpenSaysWhatIsWrong(t *testing.T) {
	plain, locked := engines.Redis(t), engines.Redis(t, "--requirepass", "hunter2")
	replica := engines.Redis(t, "--replicaof", "127.0.0.1", "1")
	set, cluster := engines.Sentinel(t, 1), engines.RedisCluster(t)
	sentinel, _, _ := strings.Cut(set.URL, "?")
	for name, c := range map[string]struct{ url, want string }{
		"nobody there":      {"redis://127.0.0.1:1", "no connection to Redis: dial tcp 127.0.0.1:1"},
		"no password":       {locked.URL, "the URL has none"},
		"wrong password":    {asUser(locked.URL, ":swordfish"), "does not accept the user and password"},
		"unknown user":      {asUser(plain.URL, "me:swordfish"), "does not accept the user and password"},
		"database too high": {plain.URL + "/99", "no database 99"},
		"database of a cluster": {
			strings.Replace(cluster.URL, "?", "/1?", 1), "a cluster has only database 0"},
		"replica":                 {replica.URL, "connect to the primary"},
		"sentinel":                {sentinel, "add master_set"},
		"no sentinel":             {plain.URL + "?master_set=dss", "must name sentinels"},
		"unknown set":             {strings.Replace(set.URL, "master_set=dss", "master_set=other", 1), `know no master_set "other"`},
		"several that are no one": {plain.URL + "?addr=127.0.0.1:" + strconv.Itoa(locked.Port), "is for a cluster"},
		"TLS with a plain server": {strings.Replace(plain.URL, "redis:", "rediss:", 1), "speak TLS on this port"},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			s, err := Open(t.Context(), c.url, store.Limits{}, quiet)
			if err == nil {
				s.Close()
				t.Fatal("it opens")
			}
			if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "swordfish") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v; want %q", err, c.want)
			}
			if took := time.Since(began); took > openTimeout+slack {
				t.Errorf("it took %s", took)
			}
		})
	}
}

// TestOpenGivesUp asks a server that says nothing.
func TestOpenGivesUp(t *testing.T) {
	server := engines.Redis(t)
	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, err := Open(t.Context(), server.URL, store.Limits{}, quiet); err == nil || !strings.Contains(err.Error(), "no answer") {
		t.Errorf("Open = %v", err)
	}
	if took := time.Since(began); took > openTimeout+slack {
		t.Errorf("it took %s", took)
	}
}

// TestNoMemoryLeft fills the server, whose own limit is below that of DSS.
// Claims must go on, or there never is memory again.
func TestNoMemoryLeft(t *testing.T) {
	server := engines.Redis(t, "--maxmemory", "4mb")
	s := running(t, server.URL)
	large := strings.Repeat("x", 4096)
	var stored int
	for ; stored < 5000; stored++ {
		ok, err := s.Create(t.Context(), id(stored), []byte(large), time.Hour)
		if errors.Is(err, sealed.ErrFull) {
			break
		}
		if !ok || err != nil {
			t.Fatalf("Create = %v, %v", ok, err)
		}
	}
	if stored < 10 || stored == 5000 {
		t.Fatalf("%d stored", stored)
	}
	if _, ok, err := s.Get(t.Context(), id(stored)); ok || err != nil {
		t.Errorf("half-stored: %v, %v", ok, err)
	}
	if ok, err := s.Replace(t.Context(), id(0), []byte(large), []byte(large[1:]), time.Hour); !ok || err != nil {
		t.Errorf("Replace = %v, %v", ok, err)
	}
	if got, err := s.count(t.Context()); err != nil || got.Entries != int64(stored) {
		t.Errorf("counted %+v, %v; %d are stored", got, err, stored)
	}
	for n := range stored {
		if got := take(t, s, n); len(got) < len(large)-1 {
			t.Fatalf("a live entry is gone: %d bytes", len(got))
		}
	}
	eventually(t, "room", func() error {
		_, err := s.Create(t.Context(), id(stored), []byte(large), time.Hour)
		return err
	})
}

func TestRefusals(t *testing.T) {
	lonely := engines.Redis(t, "--min-replicas-to-write", "1")
	foreign := engines.Redis(t)
	s := open(t, lonely.URL, store.Limits{})
	defer s.Close()
	if _, err := s.Create(t.Context(), id(1), nil, time.Hour); err == nil || !strings.Contains(err.Error(), "min-replicas-to-write") {
		t.Errorf("Create without replicas: %v", err)
	}
	s = open(t, foreign.URL, store.Limits{})
	defer s.Close()
	command(t, foreign, "RPUSH", s.names.entry(id(1)), "somebody else's")
	command(t, foreign, "SET", s.names.entry(id(2)), "short")
	for n := 1; n <= 2; n++ {
		if _, _, err := s.Take(t.Context(), id(n)); err == nil {
			t.Errorf("somebody else's key was taken")
		}
		if there := command(t, foreign, "EXISTS", s.names.entry(id(n))); there != ":1" {
			t.Errorf("somebody else's key is gone")
		}
	}
}

func TestExplain(t *testing.T) {
	for message, want := range map[string]string{
		"OOM command not allowed when used memory > 'maxmemory'.":                                                 "OOM",
		"ERR Error running script (call to f_ab): @user_script:5: @user_script: 5: -OOM command not allowed":      "OOM",
		"ERR Error running script (call to f_ab): @user_script:5: @user_script: 5: -READONLY You can't write":     "READONLY",
		"ERR Error running script (call to f_ab): @user_script:3: user_script:3: attempt to compare nil with nil": "ERR",
		"Error running script (call to f_ab): @user_script:17: @user_script: 17: -NOREPLICAS Not enough":          "NOREPLICAS",
		"ACL failure in script: User dss has no permissions to run the 'publish' command script: ab":              "NOPERM",
		"NOPERM this user has no permissions to run the 'get' command":                                            "NOPERM",
	} {
		if got := refusalCode(message); got != want {
			t.Errorf("%s: %s", message, got)
		}
	}
	if got := harmless("ERR unknown command `AUTH`, with args beginning with: `hunter2`"); got != "ERR unknown command `AUTH`" {
		t.Error(got)
	}
}

func TestVersions(t *testing.T) {
	for version, want := range map[string]bool{
		"6.2.0": true, "6.10.1": true, "7.0.15": true, "8.1": true, "10.0.0": true,
		"6.0.16": false, "5.0.14": false, "": false, "x.y": false, "7": false,
	} {
		if got := newEnough(version); got != want {
			t.Errorf("%s: %v", version, got)
		}
	}
}

func TestClosed(t *testing.T) {
	s := open(t, engines.Redis(t).URL, store.Limits{})
	s.Close()
	if _, _, err := s.Take(t.Context(), id(1)); !errors.Is(err, ErrClosed) {
		t.Errorf("Take = %v", err)
	}
}

package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestParseURL takes what is clear apart.
func TestParseURL(t *testing.T) {
	for text, want := range map[string]string{
		"redis://localhost":                       `redis "" "" [{localhost 0}] "" map[]`,
		"redis://:p%40ss@[::1]:1/":                `redis "" "p@ss" [{::1 1}] "" map[]`,
		"redis://u:p:w@10.0.0.1:7000/3":           `redis "u" "p:w" [{10.0.0.1 7000}] "3" map[]`,
		"rediss://a?ca=/etc/ca.pem&addr=b&addr=c": `rediss "" "" [{a 0}] "" map[addr:[b c] ca:[/etc/ca.pem]]`,
		"postgres://dss@one:1,two/dss?sslmode=x":  `postgres "dss" "" [{one 1} {two 0}] "dss" map[sslmode:[x]]`,
		"postgres:///dss?host=/run/postgresql":    `postgres "" "" [] "dss" map[host:[/run/postgresql]]`,
		"postgres://a_b.internal/%2F%3F%23%25%40": `postgres "" "" [{a_b.internal 0}] "/?#%@" map[]`,
		"redis://u:!$&'()*+,;=-._~@a":             `redis "u" "!$&'()*+,;=-._~" [{a 0}] "" map[]`,
	} {
		u, err := ParseURL(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := fmt.Sprintf("%s %q %q %v %q %v", u.Scheme, u.User, u.Password, u.Hosts, u.Path, u.Parameters); got != want {
			t.Errorf("%s:\n%s\n%s", text, got, want)
		}
	}
}

// TestParseURLRefuses what comes apart in two ways: a password with a
// character in it that ends one.
func TestParseURLRefuses(t *testing.T) {
	for _, scheme := range []string{"redis", "postgres"} {
		for _, stray := range []string{"@", "/", "#", "%", "?", "[", "]", `\`, " ", `"`, "é", "\x00", "%00", "@@", "/@", "?a=", "://", "@h/", "@h:1/", "@h?"} {
			for _, hosts := range []string{"127.0.0.1", "db:6379", "one,two:2", "[::1]:5"} {
				text := scheme + "://dss:1234" + stray + "Tail5678@" + hosts + "/0"
				if u, err := ParseURL(text); !errors.Is(err, ErrUnclear) && !errors.Is(err, ErrNoHost) {
					t.Errorf("%s: %+v, %v", text, u, err)
				}
			}
		}
	}
	for text, want := range map[string]error{
		"":                        ErrUnclear,
		"hunter2@host":            ErrUnclear,
		"redis:u:hunter2@host":    ErrUnclear,
		"redis:/u:hunter2@host":   ErrUnclear,
		"redis://h/1/2":           ErrUnclear,
		"redis://h/0#":            ErrUnclear,
		"redis://h?a=1;b=2":       ErrUnclear,
		"redis://h?a=%zz":         ErrUnclear,
		"redis://h\n":             ErrUnclear,
		"redis://:hunter2":        ErrNoHost,
		"redis://u:hunter2":       ErrNoHost,
		"redis://u@h:hunter2":     ErrNoHost,
		"redis://u@h:0":           ErrNoHost,
		"redis://u@h:65536":       ErrNoHost,
		"redis://u@h:":            ErrNoHost,
		"redis://u@:6379":         ErrNoHost,
		"redis://u@a,,b":          ErrNoHost,
		"redis://u@a%2Fb":         ErrNoHost,
		"redis://u@a b":           ErrUnclear,
		"redis://u@[::1":          ErrNoHost,
		"redis://u@[::1]x":        ErrNoHost,
		"redis://u@[fe80::1%25e]": ErrNoHost,
		"redis://u@[h]":           ErrNoHost,
		"redis://u@::1":           ErrNoHost,
	} {
		if u, err := ParseURL(text); !errors.Is(err, want) {
			t.Errorf("%s: %+v, %v; want %v", text, u, err, want)
		}
	}
}

func TestURLString(t *testing.T) {
	for text, want := range map[string]string{
		"postgres://db/dss": "postgres://db/dss",
		"postgres://dss:planted@one:1,two:2/dss?sslmode=disable": "postgres://one:1,two:2/dss",
		"postgres://planted@db/dss?password=planted":             "postgres://db/dss",
		"rediss://:planted@[::1]:6380/0":                         "rediss://[::1]:6380/0",
		"redis://:planted@[::1]":                                 "redis://[::1]",
	} {
		u, err := ParseURL(text)
		if err != nil || u.String() != want {
			t.Errorf("%s: %v, %v; want %s", text, u, err, want)
		}
	}
}

func TestCheckParameters(t *testing.T) {
	single, repeatable := []string{"ca"}, []string{"addr"}
	for query, fine := range map[string]bool{
		"": true, "ca=x": true, "addr=a&addr=b&ca=x": true, "ca=x&ca=y": false, "hunter2": false, "hunter2=1&ca=x": false, "CA=x": false,
	} {
		u, err := ParseURL("redis://a?" + query)
		if err != nil {
			t.Fatal(err)
		}
		if err := u.CheckParameters(single, repeatable); (err == nil) != fine || err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", query, err)
		}
	}
}

// FuzzParseURL: whatever stands in a password, the host is what follows the
// only @, or the URL is refused in words that hold nothing of it.
func FuzzParseURL(f *testing.F) {
	f.Add("u", "1234/Tail5678", "127.0.0.1", "dss")
	f.Add("", "p%40ss", "one:1,two", "0?addr=b")
	f.Add("u", "a@b:1/?#%", "[::1]:2", "")
	f.Fuzz(func(t *testing.T, user, password, hosts, rest string) {
		text := "redis://" + user + ":" + password + "@" + hosts + "/" + rest
		u, err := ParseURL(text)
		if err != nil {
			if err != ErrUnclear && err != ErrNoHost {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if strings.Count(text, "@") != 1 || strings.ContainsAny(text, "# \\") {
			t.Errorf("%q is accepted", text)
		}
		var names []string
		for _, host := range u.Hosts {
			if !HostName(host.Name) {
				t.Errorf("%q leads to %q", text, host.Name)
			}
			names = append(names, host.Name)
		}
		after := text[strings.Index(text, "@")+1:]
		after, _, _ = strings.Cut(strings.Split(after, "?")[0], "/")
		written := strings.FieldsFunc(after, func(r rune) bool { return r == ',' })
		if len(written) != len(names) {
			t.Errorf("%q leads to %v", text, names)
		}
		for i, name := range names {
			if !strings.HasPrefix(strings.TrimPrefix(written[i], "["), name) {
				t.Errorf("%q leads to %v", text, names)
			}
		}
		if u.Password != "" && slices.Contains(names, u.Password) && !strings.Contains(after, u.Password) {
			t.Errorf("%q takes its password for a host", text)
		}
	})
}

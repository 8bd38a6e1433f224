package redis

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseURL(t *testing.T) {
	for text, want := range map[string]config{
		"redis://localhost":                    {addresses: []string{"localhost:6379"}, prefix: "dss:"},
		"valkey://10.0.0.1:7000/3":             {addresses: []string{"10.0.0.1:7000"}, database: 3, prefix: "dss:"},
		"redis://:p%40ss@[::1]:1/":             {addresses: []string{"[::1]:1"}, password: "p@ss", prefix: "dss:"},
		"redis://u:p@a?addr=b&addr=c:7":        {addresses: []string{"a:6379", "b:6379", "c:7"}, user: "u", password: "p", prefix: "dss:"},
		"redis://u:p@a?prefix=x.y:":            {addresses: []string{"a:6379"}, user: "u", password: "p", prefix: "x.y:"},
		"redis://a?master_set=m&addr=b:1":      {addresses: []string{"a:26379", "b:1"}, masterSet: "m", prefix: "dss:"},
		"redis://a?master_set=m&addr=b&addr=c": {addresses: []string{"a:26379", "b:26379", "c:26379"}, masterSet: "m", prefix: "dss:"},
		"redis://a?master_set=m&sentinel_user=u&sentinel_password=%25": {
			addresses: []string{"a:26379"}, masterSet: "m", sentinelUser: "u", sentinelPassword: "%", prefix: "dss:"},
	} {
		c, err := parseURL(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := strings.Join(c.addresses, " "); got != strings.Join(want.addresses, " ") {
			t.Errorf("%s: addresses %s", text, got)
		}
		c.addresses, want.addresses = nil, nil
		if got := *c; got.user != want.user || got.password != want.password || got.database != want.database || got.prefix != want.prefix ||
			got.masterSet != want.masterSet || got.sentinelUser != want.sentinelUser || got.sentinelPassword != want.sentinelPassword || got.tls != nil {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

func TestParseURLForTLS(t *testing.T) {
	file := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"rediss://a", "valkeys://a"} {
		if c, err := parseURL(text); err != nil || c.tls == nil || c.tls.InsecureSkipVerify || c.tls.ServerName != "" {
			t.Errorf("%s: %+v, %v", text, c, err)
		}
	}
	for text, want := range map[string]string{
		"rediss://a?ca=" + file:              "holds no certificate",
		"rediss://a?ca=" + file + ".missing": "read the file that ca names",
		"redis://a?ca=" + file:               "rediss://",
	} {
		if _, err := parseURL(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestParseURLRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"redis:":                                        "%XX",
		"redis:host":                                    "%XX",
		"redis://":                                      "name one server",
		"redis://u:hunter2@a,b":                         "name one server",
		"http://a":                                      "must start with redis://",
		"redis://u:hunter2/x@a":                         "%XX",
		"redis://u:hunter2#x@a":                         "%XX",
		"redis://u:hunter2?x@a":                         "%XX",
		"redis://u:hunter2%zz@a":                        "%XX",
		"redis://u:hunter2@a:0":                         "must be a host",
		"redis://u:hunter2@a:66000":                     "must be a host",
		"redis://u:hunter2@a/b":                         "number of a database",
		"redis://u:hunter2@a/-1":                        "number of a database",
		"redis://u:hunter2@a?db=1":                      "parameter that is not known",
		"redis://u:hunter2@a?protocol=2":                "RESP3",
		"redis://u:hunter2@a?skip_verify=1":             "ca",
		"redis://u:hunter2@a?read_from=replica":         "lags behind",
		"redis://u:hunter2@a?master_set=m&master_set=n": "more than once",
		"redis://u:hunter2@a?prefix=%7Ba%7D":            "prefix must be",
		"redis://u:hunter2@a?prefix=a*":                 "prefix must be",
		"redis://u:hunter2@a?prefix=":                   "no value",
		"redis://u:hunter2@a?prefix=a&prefix=b":         "more than once",
		"redis://u:hunter2@a?addr=":                     "no value",
		"redis://a?addr=u:hunter2@b":                    "%XX",
		"redis://u:hunter2@a?addr=b:c":                  "must be a host",
		"redis://u:hunter2@a?sentinel_user=u":           "without master_set",
		"redis://u:h@a?master_set=m&sentinel_user=u":    "needs sentinel_password",
		"redis://u:hunter2@a?sentinel_password=hunter2": "without master_set",
		"redis://u:hunter2@a?x=1;y=2":                   "%XX",
		"redis://u:x@a?sentinel_password=y&hunter2":     "parameter that is not known",
		"redis://u:x@a?addr=b&addr=hunter2/x":           "must be a host",
		"redis://u:x/hunter2@a?addr=b":                  "%XX",
		"rediss://u:x@a?ca=/hunter2":                    "no such file",
	} {
		_, err := parseURL(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error has the password: %v", text, err)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	f.Add("redis", "a:6379/0?addr=b")
	f.Add("rediss", "a?master_set=m&sentinel_password=p")
	f.Fuzz(func(t *testing.T, scheme, rest string) {
		const password = "correct-horse-battery-staple"
		if c, err := parseURL(scheme + "://user:" + password + "@" + rest); err != nil && strings.Contains(err.Error(), password) {
			t.Errorf("the error has the password: %v", err)
		} else if err == nil && (len(c.addresses) == 0 || c.prefix == "") {
			t.Errorf("%+v", c)
		}
	})
}

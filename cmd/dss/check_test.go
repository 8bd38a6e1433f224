package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/desktop-stack-serv/dss/test/selfsigned"
)

// pairFor writes a certificate and its key, and returns the flags for them.
func pairFor(t *testing.T, from, until time.Duration, name string) string {
	t.Helper()
	pair, err := selfsigned.New(time.Now().Add(from), time.Now().Add(until), name)
	if err != nil {
		t.Fatal(err)
	}
	cert, key, err := pair.Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return " --tls-cert " + cert + " --tls-key " + key
}

func listing(t *testing.T, folder string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		names = append(names, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestCheckIsLikeStart: what a start refuses, dss serve --check refuses in the
// same words, and neither leaves anything behind.
func TestCheckIsLikeStart(t *testing.T) {
	folder := t.TempDir()
	in := func(name string) string { return filepath.Join(folder, name) }
	for _, name := range []string{"taken", "linked", "shut/certificates", "closed", "wal.db-wal"} {
		if err := os.MkdirAll(in(name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"file": "no folder", "short": "short", "wal.db": "", "taken/certificates": "a file", "junk.db": strings.Repeat("junk ", 100),
	} {
		if err := os.WriteFile(in(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"closed", "shut/certificates"} {
		if err := os.Chmod(in(name), 0o500); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"away.db", "linked/certificates"} {
		if err := os.Symlink(in("gone/"+name), in(name)); err != nil {
			t.Fatal(err)
		}
	}
	one, two := pairFor(t, -time.Hour, time.Hour, "localhost"), pairFor(t, -time.Hour, time.Hour, "localhost")
	mixed := strings.Fields(one)[0] + " " + strings.Fields(one)[1] + " --tls-key " + strings.Fields(two)[3]
	acme := "--acme-email me@example.org --public-url https://auth.example.org --listen 127.0.0.1:0 "
	cases := map[string]struct{ args, want string }{
		"no secret":                    {"--secret-file " + in("none"), "--secret-file: open"},
		"a short secret":               {"--secret-file " + in("short"), "must hold 32"},
		"a secret that is a folder":    {"--secret-file " + folder, "is a directory"},
		"no secret for a shared store": {acme + "--store redis://127.0.0.1:1 --secret-file " + in("none"), "--secret-file: open"},
		"a file for the certificates":  {acme + "--store sqlite:" + in("taken/dss.db"), "certificates: folder"},
		"no certificate":               {"--tls-cert " + in("none") + " --tls-key " + in("none"), "--tls-cert"},
		"another's key":                {mixed, "private key does not match"},
		"a URL for a database":         {"--store sqlite://tmp/x.db", "leave out the slashes"},
		"a database in a file":         {"--store sqlite:" + in("file/x.db"), "not a directory"},
		"a folder for a database":      {"--store sqlite:" + folder, "it is not a file"},
		"a folder for the journal":     {"--store sqlite:" + in("wal.db"), "wal.db-wal: it is not a file"},
		"junk for a database":          {"--store sqlite:" + in("junk.db"), "is not a SQLite database"},
		"a password with a slash":      {"--store redis://u:a/b@127.0.0.1", "%XX"},
		"a port that is none":          {"--listen 127.0.0.1:99999", "--listen 127.0.0.1:99999: the port"},
		"an admin port that is none":   {"--admin-listen 127.0.0.1:x", "--admin-listen 127.0.0.1:x: the port"},
		"a link for a database":        {"--store sqlite:" + in("away.db"), "away.db is a link that leads nowhere"},
		"a link for the certificates":  {acme + "--store sqlite:" + in("linked/dss.db"), "certificates is a link that leads nowhere"},
		"a store without its colon":    {"--store sqlite", "--store must start with"},
		"memory without its colon":     {"--store memory", "--store must start with"},
		"the admin's name for it":      {"--listen 127.0.0.1:1 --admin-listen localhost:1", "--admin-listen must differ"},
		"the admin on all addresses":   {"--listen 127.0.0.1:1 --admin-listen :1", "--admin-listen must differ"},
		"all addresses and the admin":  {"--listen 0.0.0.0:1 --public-url https://auth.example.org --admin-listen [::1]:1", "--admin-listen must differ"},
		"the admin's name for a port":  {"--listen 127.0.0.1:80 --admin-listen 127.0.0.1:http", "--admin-listen must differ"},
		"plain HTTP on all addresses":  {one + " --listen 127.0.0.1:1,:1", "must differ"},
		"plain HTTP on the admin's":    {one + " --admin-listen 127.0.0.1:1 --listen 127.0.0.1:0,localhost:1", "must differ"},
		"another machine's address":    {"--listen 192.0.2.1:0 --public-url https://auth.example.org", "--listen: listen tcp 192.0.2.1:0"},
	}
	if os.Geteuid() != 0 { // whom no mode stops
		cases["a closed certificate folder"] = struct{ args, want string }{acme + "--store sqlite:" + in("shut/dss.db"), "cannot be written"}
		cases["a closed folder for a database"] = struct{ args, want string }{"--store sqlite:" + in("closed/x.db"), "cannot be written"}
	}
	before := listing(t, folder)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			args := []string{"serve", "--listen", "127.0.0.1:0", "--store", "memory:"}
			if strings.HasPrefix(c.args, "--acme") && !strings.Contains(c.args, "--store") {
				args = []string{"serve", "--store", "sqlite:" + in("new/dss.db")}
			}
			args = append(args, strings.Fields(c.args)...)
			status, _, started := runWith(t, nil, args...)
			checkStatus, stdout, checked := runWith(t, nil, append(args, "--check")...)
			if status != exitUsage || checkStatus != exitUsage {
				t.Errorf("exit status %d, with --check %d", status, checkStatus)
			}
			if !strings.Contains(checked, c.want) || started != checked {
				t.Errorf("a start says\n%s--check says\n%s%s", started, stdout, checked)
			}
		})
	}
	if after := listing(t, folder); strings.Join(after, "\n") != strings.Join(before, "\n") {
		t.Errorf("there are now %v", after)
	}
}

// TestCheckWarns of what works and will not do.
func TestCheckWarns(t *testing.T) {
	const public = "--public-url https://auth.example.org --listen 127.0.0.1:0 "
	hour := time.Hour
	for name, c := range map[string]struct{ args, want string }{
		"nothing":                   {"", ""},
		"an expired certificate":    {pairFor(t, -2*hour, -hour, "localhost"), "has expired"},
		"one that is not valid":     {pairFor(t, hour, 2*hour, "localhost"), "not valid yet"},
		"one of another host":       {pairFor(t, -hour, hour, "example.net"), "not for the server's own host"},
		"one of another than ours":  {public + pairFor(t, -hour, 1000*hour, "localhost"), "get one for the host in --public-url"},
		"one that ends":             {pairFor(t, -1000*hour, hour, "localhost"), "about to expire"},
		"one that is good":          {pairFor(t, -hour, 1000*hour, "localhost"), ""},
		"admin for everybody":       {"--admin-listen 0.0.0.0:0", "--admin-listen"},
		"admin for IPv6 too":        {"--admin-listen [::]:0", "--admin-listen"},
		"admin for all":             {"--admin-listen :0", "--admin-listen"},
		"admin for this machine":    {"--admin-listen [::1]:0", ""},
		"admin on any free port":    {"--admin-listen 127.0.0.1:0", ""},
		"admin on the next address": {"--listen 127.0.0.1:5911 --admin-listen 127.0.0.2:5911", ""},
		"a proxy and plain http":    {"--public-url http://auth.example.org --trusted-proxies 127.0.0.1", "write https://"},
		"a proxy that is not ours":  {public, "name the proxy in --trusted-proxies"},
		"hashes of a day":           {public + "--trusted-proxies 127.0.0.1", "--secret-file"},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"serve", "--check", "--listen", "127.0.0.1:0", "--store", "memory:"}, strings.Fields(c.args)...)
			status, stdout, stderr := runWith(t, nil, args...)
			if status != exitOK || stderr != "" {
				t.Fatalf("exit status %d: %s", status, stderr)
			}
			var told []string
			for line := range strings.Lines(stdout) {
				if strings.HasPrefix(line, "warning ") {
					told = append(told, line)
				}
			}
			if c.want == "" && len(told) > 0 || c.want != "" && !strings.Contains(strings.Join(told, ""), c.want) {
				t.Errorf("want %q:\n%s", c.want, stdout)
			}
		})
	}
	_, stdout, _ := runWith(t, map[string]string{"DSS_PUBLIC_ULR": "x"}, "serve", "--check", "--listen", "127.0.0.1:0", "--store", "memory:")
	if !strings.Contains(stdout, "did you mean DSS_PUBLIC_URL?") {
		t.Errorf("a misspelt setting:\n%s", stdout)
	}
}

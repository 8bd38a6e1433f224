package main

import (
	"strings"
	"testing"
)

// TestStrayCharacterInPassword: a store URL with one in its password is refused
// by whatever reads it, and no part of it is printed, looked up or dialled.
func TestStrayCharacterInPassword(t *testing.T) {
	for _, stray := range []string{"@", "/", "#", "%", "?", "/@", "@[", " ", `\`} {
		for _, host := range []string{"127.0.0.1", "one.invalid:1,two.invalid"} {
			rest := "://dss:1234" + stray + "Tail5678@" + host + "/0"
			never := []string{"1234", "Tail", "5678", "invalid/", "lookup", "dial"}
			for _, scheme := range []string{"postgres", "postgresql", "redis", "rediss", "valkey"} {
				checkRefusal(t, "store check", scheme+rest, "%XX", never...)
			}
			checkRefusal(t, "serve --listen 127.0.0.1:0", "postgres"+rest, "%XX", never...)
			checkRefusal(t, "serve --check", "redis"+rest, "%XX", never...)
		}
	}
	for _, url := range []string{
		"Tail5678", "Tail5678@h", "postgres:dss:Tail5678@h/d", "redis:/:Tail5678@h", "Tail5678://h",
		"redis://h?sentinel_password=x&Tail5678",
	} {
		for _, command := range []string{"serve --listen 127.0.0.1:0", "serve --check", "store check"} {
			checkRefusal(t, command, url, "", "Tail")
		}
	}
}

// checkRefusal checks that a command refuses a store URL, and what it says.
func checkRefusal(t *testing.T, command, url, says string, never ...string) {
	t.Helper()
	status, stdout, stderr := runWith(t, map[string]string{"DSS_STORE": url}, strings.Fields(command)...)
	told := stdout + stderr
	if status != exitUsage || !strings.Contains(told, says) {
		t.Errorf("%s: dss %s: exit status %d\n%s", url, command, status, told)
	}
	for _, part := range never {
		if strings.Contains(told, part) {
			t.Errorf("%s: dss %s prints %q:\n%s", url, command, part, told)
		}
	}
}

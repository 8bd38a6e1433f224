package main

import (
	"bufio"
	"strings"
	"testing"
)

func TestMeant(t *testing.T) {
	for name, want := range map[string]string{
		"read_inbox": "", "no_expiry": "", "write_access": "", "private_info": "",
		"read_inbx": "read_inbox", "read_inboxes": "read_inbox", "readinbox": "read_inbox", "read-inbox": "read_inbox", "READ_INBOX": "read_inbox",
		"no_expire": "no_expiry", "noexpiry": "no_expiry", "write_acess": "write_access", "private_inf": "private_info",
		"manage_collective_recommendations": "", "access_team|stackoverflow.com/c/x": "", "openid": "", "inbox": "", "é": "",
	} {
		if got := meant(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestIsYes(t *testing.T) {
	for text, want := range map[string]bool{"\n": true, "y\n": true, " YES \r\n": true, "n\n": false, "no\n": false, "": false, "y": false, "maybe\n": false} {
		if got := isYes(bufio.NewReader(strings.NewReader(text))); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

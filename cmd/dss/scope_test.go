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
		"ReadInbox": "read_inbox", "raed_inbox": "read_inbox", "read.inbox": "read_inbox", "read__inbox": "read_inbox", "Read_Inbox.": "read_inbox",
		"no_expire": "no_expiry", "noexpiry": "no_expiry", "no-expiry": "no_expiry", "NoExpiry": "no_expiry",
		"write_acess": "write_access", "write-access": "write_access", "WriteAccess": "write_access",
		"private_inf": "private_info", "private-info": "private_info", "privateinfo": "private_info", "PRIVATE-INFO": "private_info",
		"manage_collective_recomendations": "manage_collective_recommendations", "manage-collective-reports": "manage_collective_reports",
		"access_teams": "access_team", "Access-Team|stackoverflow.com/c/x": "access_team|stackoverflow.com/c/x",
		"acces_team|\x1b[31mx": "access_team|[31mx", "read_inbx|x": "",

		"manage_collective_recommendations": "", "manage_collective_reports": "", "manage_collective_articles": "",
		"access_team": "", "access_team|stackoverflow.com/c/x": "",
		"openid": "", "profile": "", "offline_access": "", "global_scope": "",
		"inbox": "", "read": "", "write": "", "info": "", "é": "", "|": "", "_": "", "x": "", "read_outbox": "", "full_access": "",
	} {
		if got, n := meant([]string{name}); got != want || n != 1 {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestMeantByWords: a space separates scopes, so that one which is typed with
// spaces comes in parts.
func TestMeantByWords(t *testing.T) {
	for names, want := range map[string]string{
		"read inbox":                        "read_inbox",
		"Private Info write_access":         "private_info",
		"no expiry read inbox":              "no_expiry",
		"manage collective reports":         "manage_collective_reports",
		"manage collective reports x":       "manage_collective_reports",
		"access team":                       "access_team",
		"read_inbox no_expiry":              "",
		"read write_access":                 "",
		"read inbx":                         "",
		"manage the collective reports too": "",
	} {
		got, n := meant(strings.Fields(names))
		if words := strings.Count(want, "_") + 1; got != want || n != words {
			t.Errorf("%s: %q of %d words, want %q", names, got, n, want)
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

//go:build integration

package terminal_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// keyChain runs a script on a session bus of its own, with GNOME Keyring and its keyring
// unlocked.
const keyChain = `
exec dbus-run-session -- sh -c '
	printf password | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1
	eval "$SCRIPT"' 2>&1`

// inKeyChain runs a script in a terminal. In it, dss is the binary.
func inKeyChain(t *testing.T, script string) *terminal {
	t.Helper()
	home := t.TempDir()
	return start(t, "HOME="+home, "XDG_RUNTIME_DIR="+home, "XDG_DATA_HOME="+home, "XDG_CONFIG_HOME=", "DBUS_SESSION_BUS_ADDRESS=",
		"DSS_SERVER="+server, "DSS_CLIENT_ID=7", "DSS_FLOW=loopback", "DSS_NO_BROWSER=true", "DSS="+binary,
		"SCRIPT=dss() { \"$DSS\" \"$@\"; }; "+script, "PATH="+os.Getenv("PATH"), "sh", "-c", keyChain)
}

// TestKeyChain stores a token in GNOME Keyring, finds it there, and removes it.
func TestKeyChain(t *testing.T) {
	t.Parallel()
	s := inKeyChain(t, `
		dss login --store && dss token && dss token --output header && dss accounts
		secret-tool lookup service dss username "7@$DSS_SERVER" | tr , "\n" | grep -c access_token
		dss logout; echo "logout $?"; dss token </dev/null 2>/dev/null; echo "token $?"; dss accounts
		secret-tool lookup service dss username "7@$DSS_SERVER"; echo "lookup $?"`)
	s.untilWaiting()
	s.signIn(s.url(), "")
	text := strings.Join(s.untilEnd(0), "\n") + "\n"
	for _, want := range []string{
		`The token of account 1234567 Sandbox User is stored\.\n`, `\n[A-Za-z0-9()*]{20,30}\nAuthorization: Bearer [A-Za-z0-9()*]{20,30}\n`,
		`\n7 +http://localhost:\d+ +1234567 +Sandbox User `, `\n1\nlogout 0\ntoken 6\nlookup 1\n`,
	} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("it does not say %s", want)
		}
	}
}

// TestKeyChainOfOthers: what dss has not written stays as it is.
func TestKeyChainOfOthers(t *testing.T) {
	t.Parallel()
	s := inKeyChain(t, `
		printf hunter2 | secret-tool store --label=x service dss username "7@$DSS_SERVER"
		dss token </dev/null; echo "token $?"; dss logout; echo "logout $?"
		secret-tool lookup service dss username "7@$DSS_SERVER" | grep -c hunter2`)
	text := strings.Join(s.untilEnd(0), "\n") + "\n"
	if !strings.Contains(text, "was not written by this version of dss; it stays as it is") ||
		!strings.Contains(text, "token 1\n") || !strings.Contains(text, "logout 1\n1\n") || strings.Contains(text, "hunter2") {
		t.Error("the screen is not as it should be")
	}
}

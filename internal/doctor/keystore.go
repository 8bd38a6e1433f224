package doctor

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// FindKeyStore says where this system lets programs keep tokens.
func FindKeyStore(system string, env func(string) string) Finding {
	switch system {
	case "darwin":
		return Finding{Check: KeyStore, Status: Info, Detail: "apps can use the Keychain of macOS, as dss token does"}
	case "windows":
		return Finding{Check: KeyStore, Status: Info, Detail: "apps can use the Credential Manager of Windows, as dss token does"}
	}
	f := Finding{Check: KeyStore, Status: Info}
	switch {
	case !reachesSessionBus(env):
		f.Detail = "there is no session bus, so apps find no Secret Service here, and dss token needs --insecure-storage"
	case !offersSecrets(env):
		f.Detail = "no Secret Service starts by itself on the session bus, such as GNOME Keyring or KWallet; " +
			"without one, dss token needs --insecure-storage"
	default:
		f.Detail = "apps can use the Secret Service on the session bus, as dss token does"
	}
	return f
}

// reachesSessionBus connects to the session bus at a path, and at once ends the
// connection. Other kinds of addresses are rare.
func reachesSessionBus(env func(string) string) bool {
	path := env("XDG_RUNTIME_DIR") + "/bus"
	for one := range strings.SplitSeq(env("DBUS_SESSION_BUS_ADDRESS"), ";") {
		if after, ok := strings.CutPrefix(one, "unix:path="); ok {
			path, _, _ = strings.Cut(after, ",")
			break
		}
	}
	connection, err := net.DialTimeout("unix", path, time.Second)
	if err != nil {
		return false
	}
	connection.Close()
	return true
}

// offersSecrets reports whether the bus can start a Secret Service
// (https://specifications.freedesktop.org/secret-service).
func offersSecrets(env func(string) string) bool {
	folders := env("XDG_DATA_DIRS")
	if folders == "" {
		folders = "/usr/local/share:/usr/share"
	}
	for folder := range strings.SplitSeq(folders, ":") {
		if _, err := os.Stat(filepath.Join(folder, "dbus-1/services/org.freedesktop.secrets.service")); err == nil {
			return true
		}
	}
	return false
}

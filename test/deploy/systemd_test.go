//go:build integration

package deploy_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const units = "../../deploy/systemd"

// TestUnitSecurity: systemd's own figure for what the service could do, from 0
// to 10, is at most 1.5.
func TestUnitSecurity(t *testing.T) {
	t.Parallel()
	check := exec.Command("systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", filepath.Join(units, "dss.service"))
	if out, err := check.CombinedOutput(); err != nil || !strings.Contains(string(out), "Overall exposure level") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestUnitsVerify: systemd understands every line. The binary is the one under
// test, as none is installed.
func TestUnitsVerify(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, name := range []string{"dss.service", "dss.socket", "dss-http.socket"} {
		text := readFile(t, filepath.Join(units, name))
		writeFile(t, filepath.Join(folder, name), strings.ReplaceAll(text, "/usr/local/bin/dss", binary))
	}
	verify := func(name string) string {
		out, err := exec.Command("systemd-analyze", "verify", "--man=no", filepath.Join(folder, name)).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return string(out)
	}
	for _, name := range []string{"dss.service", "dss.socket", "dss-http.socket"} {
		if out := verify(name); out != "" {
			t.Errorf("%s: %s", name, out)
		}
	}
	// An unknown line is not an error to systemd, but it is said.
	broken := filepath.Join(folder, "dss.service")
	writeFile(t, broken, readFile(t, broken)+"\n[Service]\nProtectEverything=yes\n")
	if out := verify("dss.service"); !strings.Contains(out, "ProtectEverything") {
		t.Errorf("an unknown line passes: %q", out)
	}
}

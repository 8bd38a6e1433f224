//go:build integration

package main

import (
	"os/exec"
	"strings"
	"testing"
)

// TestShellScripts runs the scripts that need a shell.
func TestShellScripts(t *testing.T) { runScripts(t, "testdata/shell") }

func TestBashAcceptsItsCompletion(t *testing.T) {
	_, script, _ := runWith(t, nil, "completion", "bash")
	command := exec.Command("bash", "-n")
	command.Stdin = strings.NewReader(script)
	if output, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}

func TestQuoting(t *testing.T) {
	output, err := exec.Command("sh", "-c", "printf %s "+quoteForShell(`it's $(not) "easy" \ *`)).Output()
	if err != nil || string(output) != `it's $(not) "easy" \ *` {
		t.Errorf("%q: %v", output, err)
	}
}

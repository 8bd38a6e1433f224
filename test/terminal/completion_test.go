//go:build integration

package terminal_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCompletion types in real shells, and presses Tab.
func TestCompletion(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	for name, text := range map[string]string{
		".bashrc": "PS1='ready> '\nsource <(dss completion bash)\n",
		".zshrc":  "PS1='ready> '\nautoload -U compinit; compinit -D -u\nsource <(dss completion zsh)\n",
	} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, shell := range [][]string{
		{"bash", "--noprofile", "--rcfile", filepath.Join(home, ".bashrc")},
		{"zsh"},
		{"fish", "--no-config", "--init-command", "dss completion fish | source; function fish_prompt; echo 'ready> '; end"},
	} {
		t.Run(shell[0], func(t *testing.T) {
			t.Parallel()
			s := start(t, append([]string{"ZDOTDIR=" + home, "PATH=" + filepath.Dir(binary) + ":" + os.Getenv("PATH")}, shell...)...)
			for typed, want := range map[string]string{
				"dss whoa":                "dss whoami",
				"dss login --client":      "dss login --client-id",
				"dss login --flow rel":    "dss login --flow relay",
				"dss login --flow=loo":    "dss login --flow=loopback",
				"dss login --no":          "dss login --no-browser",
				"dss completion power":    "dss completion powershell",
				"dss store check --store": "dss store check --store",
			} {
				s.until("prompt", func() bool {
					lines := s.lines()
					return len(lines) > 0 && lines[len(lines)-1] == "ready>"
				})
				s.tmux("send-keys", "-t", s.target(), "-l", typed+"\t#")
				s.until(want, func() bool {
					screen := s.look()
					return strings.Contains(screen, want+" #") || strings.Contains(screen, want+"#")
				})
				s.tmux("send-keys", "-t", s.target(), "C-u")
			}
		})
	}
}

//go:build integration

package clients_test

import (
	"os/exec"
	"testing"
)

// TestOpenAPI validates /openapi.json with a published validator.
func TestOpenAPI(t *testing.T) {
	if output, err := exec.CommandContext(t.Context(), "node", "openapi.mjs", server+"/openapi.json").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, output)
	}
}

package redis

import (
	_ "embed"
	"strings"

	"github.com/redis/rueidis"
)

// The scripts decide everything before they write anything. Redis refuses the
// first write of a script, and so all of it, when it is read-only or cut off
// from its replicas, and that of create when it is full.
//
//go:embed scripts.lua
var scriptsFile string

var (
	createScript  = script("create")
	takeScript    = script("take")
	replaceScript = script("replace")
)

// script returns the part of scripts.lua called name, behind the part that
// all share.
func script(name string) *rueidis.Lua {
	parts := strings.Split(scriptsFile, "\n---- ")
	for _, part := range parts[1:] {
		if title, body, _ := strings.Cut(part, "\n"); title == name {
			return rueidis.NewLuaScript(parts[0] + "\n" + body)
		}
	}
	panic("scripts.lua has no part " + name)
}

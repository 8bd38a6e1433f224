package main

import (
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/display"
)

// foreign are variables that begin like ours and are none of ours: those that
// Kubernetes sets for services called dss or dss-…, and those of our tests.
var foreign = regexp.MustCompile(`^DSS_(?:(?:\w+_)?SERVICE_(?:HOST|PORT(?:_\w+)?)|PORT|` +
	`(?:\w+_)?PORT_[0-9]+_(?:TCP|UDP|SCTP)(?:_\w+)?|TEST_\w+)$`)

// foreignPort is the value of Kubernetes' DSS_…_PORT.
var foreignPort = regexp.MustCompile(`^(?:tcp|udp|sctp)://`)

// warnOfMisspelt names each variable that looks like a setting and is none,
// and the setting that was meant.
func warnOfMisspelt(environ []string, log *slog.Logger) {
	known := variableNames()
	for _, pair := range slices.Sorted(slices.Values(environ)) {
		name, value, _ := strings.Cut(pair, "=")
		upper := strings.ToUpper(name)
		if value == "" || !strings.HasPrefix(upper, "DSS_") || slices.Contains(known, name) || foreign.MatchString(name) ||
			strings.HasSuffix(name, "_PORT") && foreignPort.MatchString(value) {
			continue
		}
		advice := "dss serve --help lists the settings"
		if nearest := nearestName(upper, known); nearest != "" {
			advice = fmt.Sprintf("did you mean %s?", nearest)
		}
		log.Warn(fmt.Sprintf("there is no setting %s: %s", display.Clean(name), advice))
	}
}

// variableNames are those of all settings, of dss serve first.
func variableNames() (names []string) {
	for _, c := range commands() {
		f, _ := c.new()
		for _, s := range settings(f) {
			names = append(names, s.env)
		}
	}
	for _, v := range variables {
		names = append(names, v.name)
	}
	return names
}

// nearestName is the known name that takes the fewest changes of letters, or
// "" if none is like it.
func nearestName(name string, known []string) string {
	best, least := "", 1+max(2, len(strings.TrimPrefix(name, "DSS_"))/2)
	for _, one := range known {
		if distance := editDistance(name, one); distance < least {
			best, least = one, distance
		}
	}
	return best
}

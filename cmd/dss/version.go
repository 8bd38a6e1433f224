package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/desktop-stack-serv/dss/internal/cli"
	"github.com/desktop-stack-serv/dss/internal/metrics"
)

func versionCommand() *cli.Command {
	return &cli.Command{
		Name: "version", Summary: "print the version", Aliases: []string{"--version", "-version", "-v"},
		About: "It prints the version, and from what and with what it was built, as far as that is known.",
		Setup: func(*cli.Flags) cli.Run { return printVersion },
	}
}

func printVersion(_ context.Context, p cli.Process, _ []string) error {
	info, _ := debug.ReadBuildInfo()
	_, err := io.WriteString(p.Stdout, describe(info))
	return err
}

// describe returns the version, in the first line, and what is known of the build.
func describe(info *debug.BuildInfo) string {
	text := "dss " + versionOf(info) + "\n"
	if revision := buildSetting(info, "vcs.revision"); revision != "" {
		if buildSetting(info, "vcs.modified") == "true" {
			revision += ", with changes"
		}
		text += "commit: " + revision + "\n"
	}
	if date := buildSetting(info, "vcs.time"); date != "" {
		text += "commit time: " + date + "\n"
	}
	return text + fmt.Sprintf("go: %s\nplatform: %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

func buildSetting(info *debug.BuildInfo, key string) string {
	if info == nil {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

// build identifies the running program.
func build() metrics.Build {
	info, _ := debug.ReadBuildInfo()
	return metrics.Build{Version: versionOf(info), Revision: buildSetting(info, "vcs.revision"), Go: runtime.Version()}
}

func versionOf(info *debug.BuildInfo) string {
	if info == nil || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

package main

import (
	"fmt"
	"strings"
)

func powershellCompletion(all []*command) string {
	var b strings.Builder
	b.WriteString(`# PowerShell completion for dss, made by: dss completion powershell
Register-ArgumentCompleter -Native -CommandName dss -ScriptBlock {
	param($word, $line, $position)
	$before = @($line.CommandElements | Where-Object { $_.Extent.EndOffset -lt $position } | ForEach-Object { $_.ToString() })
	$words = @(
		if ($before.Count -lt 2) {
`)
	fmt.Fprintf(&b, "\t\t\t%s\n\t\t} else {\n\t\t\tswitch -CaseSensitive (\"$($before[1]) $($before[-1])\") {\n", quoteAllForPowershell(names(all)))
	for _, c := range all {
		for _, s := range c.settings() {
			if s.value != "" {
				fmt.Fprintf(&b, "\t\t\t\t'%s --%s' { %s; break }\n", c.name, s.name, quoteAllForPowershell(s.options))
			}
		}
	}
	b.WriteString("\t\t\t\tdefault {\n\t\t\t\t\tswitch -CaseSensitive ($before[1]) {\n")
	for _, c := range all {
		words := append([]string{}, c.arguments...)
		for _, s := range c.settings() {
			words = append(words, "--"+s.name)
		}
		fmt.Fprintf(&b, "\t\t\t\t\t\t'%s' { %s }\n", c.name, quoteAllForPowershell(words))
	}
	b.WriteString("\t\t\t\t\t}\n\t\t\t\t}\n\t\t\t}\n\t\t}\n\t)\n\t$words | Where-Object { $_ -like \"$word*\" }\n}\n")
	return b.String()
}

func quoteAllForPowershell(words []string) string {
	var quoted []string
	for _, word := range words {
		quoted = append(quoted, "'"+strings.ReplaceAll(word, "'", "''")+"'")
	}
	if len(quoted) == 0 {
		return "@()"
	}
	return strings.Join(quoted, ", ")
}

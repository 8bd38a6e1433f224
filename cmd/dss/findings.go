package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/cli"
	"github.com/desktop-stack-serv/dss/internal/doctor"
)

// findings are printed as they come, or as JSON at the end.
type findings struct {
	w       io.Writer
	json    bool
	columns int // of the terminal; 0 if it is none
	all     []doctor.Finding
}

// maxColumns is the width beyond which lines are hard to read.
const maxColumns = 100

func (f *findings) add(found ...doctor.Finding) {
	f.all = append(f.all, found...)
	if f.json {
		return
	}
	for _, one := range found {
		f.print(one)
	}
}

// print prints a finding, and what to change below it, so that each is a line of its
// own where no terminal has to wrap it.
func (f *findings) print(one doctor.Finding) {
	const indent = "                        "
	width := min(f.columns, maxColumns)
	if f.columns == 0 {
		width = 1 << 20
	}
	text := cli.Wrap(one.Detail, indent, width)
	if one.Change != "" {
		text += cli.Wrap("→ "+one.Change, indent, width)
	}
	fmt.Fprintf(f.w, "%-8s  %-12s  %s", one.Status, one.Check, strings.TrimPrefix(text, indent))
}

// end prints what is left to be printed. The error is that of the problems.
func (f *findings) end() error {
	found, worst := problemsFound{}, doctor.OK
	for _, one := range f.all {
		switch {
		case one.Status == doctor.Problem:
			found.n, found.kind, worst = found.n+1, errors.Join(found.kind, one.Err), doctor.Problem
		case one.Status == doctor.Warning && worst == doctor.OK:
			worst = doctor.Warning
		}
	}
	if f.json {
		report := struct {
			Status   doctor.Status    `json:"status"`
			Findings []doctor.Finding `json:"findings"`
		}{worst, f.all}
		if err := writeJSON(f.w, report); err != nil {
			return err
		}
	}
	if found.n == 0 {
		return nil
	}
	return found
}

// problemsFound is the error of an examination that has found problems.
type problemsFound struct {
	n    int
	kind error // decides the exit status; nil if none of the problems does
}

func (p problemsFound) Error() string {
	if p.n == 1 {
		return "there is a problem"
	}
	return fmt.Sprintf("there are %d problems", p.n)
}

func (p problemsFound) Unwrap() error { return p.kind }

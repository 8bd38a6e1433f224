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
	worst := doctor.OK
	var kinds []error
	for _, one := range f.all {
		switch {
		case one.Status == doctor.Problem:
			worst, kinds = doctor.Problem, append(kinds, one.Err)
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
	if worst == doctor.Problem {
		return problemsError{errors.Join(kinds...)}
	}
	return nil
}

// problemsError means that an examination has found problems. What it wraps decides
// the exit status.
type problemsError struct{ kind error }

func (problemsError) Error() string { return "there are problems" }

func (e problemsError) Unwrap() error { return e.kind }

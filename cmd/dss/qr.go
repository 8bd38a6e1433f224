package main

import (
	"strings"

	qr "github.com/piglig/go-qr"
)

// quietZone is how wide the empty border of a QR code has to be, in modules
// (ISO/IEC 18004).
const quietZone = 4

// Black on white whatever the theme: 16 and 231 are the two in the colour cube,
// which themes leave alone.
const (
	blackOnWhite = "\x1b[38;5;16;48;5;231m"
	plain        = "\x1b[0m"
)

// besideQR is how many lines of text stand on the screen with the code: none
// of them may scroll away.
const besideQR = 10

// drawQR draws nothing where it would be no use: without a terminal, or with
// one that is too small.
func (s *screen) drawQR(text string) {
	if s.columns == 0 || s.dumb {
		return
	}
	code, err := qr.EncodeText(text, qr.Low)
	if err != nil || !s.fits(code.Size()+2*quietZone) {
		return
	}
	s.printf("%s\n", s.qrLines(code))
}

// fits reports whether a code of so many modules a side has room. Two rows of
// modules make a line.
func (s *screen) fits(modules int) bool {
	return modules <= s.columns && (s.rows == 0 || (modules+1)/2+besideQR <= s.rows)
}

// qrLines has two rows of modules on a line. Without colours the ink is that
// of the terminal: what is to be dark is ink on a light background, and the
// gaps between it on a dark one.
func (s *screen) qrLines(code *qr.QrCode) string {
	ink := func(x, y int) bool { return code.Module(x, y) == (s.colors || s.light) }
	var b strings.Builder
	for y := -quietZone; y < code.Size()+quietZone; y += 2 {
		if s.colors {
			b.WriteString(blackOnWhite)
		}
		for x := -quietZone; x < code.Size()+quietZone; x++ {
			b.WriteString(halfBlock(ink(x, y), ink(x, y+1)))
		}
		if s.colors {
			b.WriteString(plain)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func halfBlock(upper, lower bool) string {
	switch {
	case upper && lower:
		return "█"
	case upper:
		return "▀"
	case lower:
		return "▄"
	}
	return " "
}

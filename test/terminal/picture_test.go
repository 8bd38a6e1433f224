//go:build integration

package terminal_test

import (
	"image"
	"image/color"
	"regexp"
	"strconv"
	"strings"
	"testing"

	qr "github.com/piglig/go-qr"
)

// quietZone is how wide the border of a QR code has to be (ISO/IEC 18004).
const quietZone = 4

// theme is what a terminal's own two colours are.
type theme struct{ ink, paper color.Gray }

var (
	black = color.Gray{0}
	white = color.Gray{255}
	dark  = theme{ink: white, paper: black}
	light = theme{ink: black, paper: white}
)

// checkQR reads the QR code off the screen, as a camera would.
func (s *terminal) checkQR(colors theme) {
	s.t.Helper()
	url := s.url()
	code, err := qr.EncodeText(url, qr.Low)
	if err != nil {
		s.t.Fatal(err)
	}
	size := code.Size() + 2*quietZone
	plain := strings.Split(s.look(), "\n")
	first := 0
	for !strings.HasPrefix(plain[first], "http") {
		first++
	}
	first += (len(url)+columns-1)/columns + 1 // below the address and an empty line
	pixels := pixels(s.t, s.capture("-e", "-N"), colors)
	if size > columns || 2*(first+size/2) > len(pixels) {
		s.t.Fatal("no room for a QR code")
	}
	const scale = 4
	picture := image.NewGray(image.Rect(0, 0, size*scale, size*scale))
	for y := range size * scale {
		for x := range size * scale {
			picture.SetGray(x, y, pixels[2*first+y/scale][x/scale])
		}
	}
	for y := range size {
		for x := range size {
			border := x < quietZone || y < quietZone || x >= size-quietZone || y >= size-quietZone
			if border && picture.GrayAt(x*scale, y*scale) != white {
				s.t.Fatalf("the quiet zone is not white at column %d, half line %d", x, y)
			}
		}
	}
	if text, err := qr.Decode(picture); err != nil || text != url {
		s.t.Errorf("the QR code reads %q, want %q: %v", text, url, err)
	}
}

var escape = regexp.MustCompile("^\x1b\\[([0-9;]*)m")

// pixels are two to a character, one above the other. What is no block is
// paper.
func pixels(t *testing.T, captured string, own theme) [][]color.Gray {
	t.Helper()
	colors := own
	var pixels [][]color.Gray
	for line := range strings.SplitSeq(captured, "\n") {
		upper, lower := make([]color.Gray, 0, columns), make([]color.Gray, 0, columns)
		for line != "" {
			if sequence := escape.FindStringSubmatch(line); sequence != nil {
				colors = colors.changed(t, sequence[1], own)
				line = line[len(sequence[0]):]
				continue
			}
			r := []rune(line)[0]
			line = line[len(string(r)):]
			up, down := colors.paper, colors.paper
			if r == '█' || r == '▀' {
				up = colors.ink
			}
			if r == '█' || r == '▄' {
				down = colors.ink
			}
			upper, lower = append(upper, up), append(lower, down)
		}
		for len(upper) < columns {
			upper, lower = append(upper, own.paper), append(lower, own.paper)
		}
		pixels = append(pixels, upper, lower)
	}
	return pixels
}

// changed knows the colours that themes cannot change, and no others.
func (c theme) changed(t *testing.T, sequence string, own theme) theme {
	t.Helper()
	fixed := map[string]color.Gray{"16": black, "231": white}
	parameters := strings.Split(sequence, ";")
	for i := 0; i < len(parameters); i++ {
		number, err := strconv.Atoi("0" + parameters[i])
		if err != nil {
			t.Fatal(err)
		}
		switch number {
		case 0:
			c = own
		case 39:
			c.ink = own.ink
		case 49:
			c.paper = own.paper
		case 38, 48:
			if i+2 >= len(parameters) || parameters[i+1] != "5" {
				t.Fatalf("a colour that depends on the terminal: %q", sequence)
			}
			gray, ok := fixed[parameters[i+2]]
			if !ok {
				t.Fatalf("neither black nor white: %q", sequence)
			}
			if i += 2; number == 38 {
				c.ink = gray
			} else {
				c.paper = gray
			}
		default:
			t.Fatalf("unexpected: %q", sequence)
		}
	}
	return c
}

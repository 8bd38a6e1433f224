package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/desktop-stack-serv/dss/internal/cli"
)

const giveToken = "give the access token in DSS_TOKEN, or on standard input with -; " +
	"other arguments can be seen by others"

// longestLine is more than any token, in bytes.
const longestLine = 8 << 10

// givenToken is an access token, and where it comes from.
type givenToken struct{ text, source string }

// readToken takes the token from DSS_TOKEN, or else, if the arguments say so,
// from the first line of standard input. It never reads a line that may be
// meant for somebody else.
func readToken(p cli.Process, args []string) (givenToken, error) {
	if len(args) > 0 && !slices.Equal(args, []string{"-"}) {
		return givenToken{}, usagef("%s", giveToken)
	}
	text := p.Env("DSS_TOKEN")
	switch {
	case text != "" && len(args) > 0:
		fmt.Fprintln(p.Stderr, "dss: DSS_TOKEN is set, so standard input is not read")
		fallthrough
	case text != "":
		return givenToken{bareToken(text), "DSS_TOKEN"}, nil
	case len(args) == 0:
		return givenToken{}, usagef("%s", giveToken)
	}
	if isTerminal(p.Stdin) {
		fmt.Fprintln(p.Stderr, "Paste the access token and press Enter:")
	}
	line, err := bufio.NewReader(io.LimitReader(p.Stdin, longestLine)).ReadBytes('\n')
	if err != nil && err != io.EOF {
		return givenToken{}, fmt.Errorf("standard input: %w", err)
	}
	return givenToken{bareToken(fromUTF16(line)), "the first line of standard input"}, nil
}

// fromUTF16 decodes what some shells on Windows write to files and pipes.
func fromUTF16(line []byte) string {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(line, []byte{0xff, 0xfe}):
		order = binary.LittleEndian
	case bytes.HasPrefix(line, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	default:
		return string(line)
	}
	var units []uint16
	for pair := range slices.Chunk(line, 2) {
		if len(pair) == 2 { // of the line's end there may be half
			units = append(units, order.Uint16(pair))
		}
	}
	return string(utf16.Decode(units))
}

// assignment is what dss login --output env prints, with what people put
// before it.
var assignment = regexp.MustCompile(`^(?:export\s+)?DSS_TOKEN=(.*)$`)

// bareToken takes off what programs and files put around a token: a byte order
// mark, white space, the name of a variable, a pair of quotes.
func bareToken(text string) string {
	text = strings.TrimSpace(strings.TrimPrefix(text, "\ufeff"))
	if match := assignment.FindStringSubmatch(text); match != nil {
		text = match[1]
	}
	for _, quote := range []string{`"`, "'"} {
		inner, opened := strings.CutPrefix(text, quote)
		if inner, closed := strings.CutSuffix(inner, quote); opened && closed {
			text = inner
		}
	}
	return strings.TrimSpace(text)
}

// malformed refuses a token that has not been sent, without quoting it.
func (g givenToken) malformed() error {
	if g.text == "" {
		return usagef("there is no access token in %s", g.source)
	}
	return usagef("%s is not an access token; dss login prints one", g.source)
}

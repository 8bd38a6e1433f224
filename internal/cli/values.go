package cli

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

func parseText(text string) (string, error) { return text, nil }

func parseInt(text string) (int, error) {
	n, err := strconv.ParseInt(text, 0, strconv.IntSize)
	if err != nil {
		return 0, errors.New("write a whole number, such as 1000")
	}
	return int(n), nil
}

func parseBool(text string) (bool, error) {
	on, err := strconv.ParseBool(text)
	if err != nil {
		return false, errors.New("write true or false")
	}
	return on, nil
}

// oneOf returns an error that lists the options if text is none of them.
func oneOf(options []string, text string) error {
	if !slices.Contains(options, text) {
		return fmt.Errorf("write %s", either(options))
	}
	return nil
}

func either(options []string) string {
	last := len(options) - 1
	if last == 0 {
		return options[0]
	}
	return strings.Join(options[:last], ", ") + " or " + options[last]
}

func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err == nil {
		return d, nil
	}
	d, err = time.ParseDuration(text + "s")
	if err != nil || d < 0 {
		return 0, errors.New("write a duration with units, such as 15m, 900s or 1h30m")
	}
	return 0, errors.New("write a unit: " + either(slices.Compact([]string{text + "s", shortDuration(d)})))
}

var zerosAtEnd = regexp.MustCompile(`([hm])(0m)?0s$`)

// shortDuration leaves out the zeros at the end of 15m0s and 1h0m0s.
func shortDuration(d time.Duration) string { return zerosAtEnd.ReplaceAllString(d.String(), "$1") }

package main

import (
	"encoding/json"
	"fmt"
	"io"
)

// deviceAuthorizations start one device grant after the other. They live for
// seconds, so that the store does not fill up.
var deviceAuthorizations = workload{"Device authorizations", func(c *client, timed func(func() error) error) error {
	return timed(c.authorizeDevice)
}, []string{"--ttl", "2s", "--max-entries", "2000000"}}

// measureDevicePolls prints how many polls of pending device grants, in turn, a server
// takes. Devices wait five seconds between polls; here most come too early and are told
// so, which costs the same.
func measureDevicePolls(out io.Writer, s settings) error {
	codes := map[string][]string{}
	return workload{"Polls of pending device grants", func(c *client, timed func(func() error) error) error {
		c.counter++
		known := codes[c.host]
		return timed(func() error { return c.pollDevice(known[c.counter%len(known)]) })
	}, nil}.measureAfter(out, s, func(one *server) (err error) {
		codes[one.address], err = one.authorizeDevices(s.pending)
		return err
	})
}

// authorizeDevices starts n device grants and returns their codes.
func (s *server) authorizeDevices(n int) ([]string, error) {
	c, err := dial(s.address)
	if err != nil {
		return nil, err
	}
	defer c.close()
	c.keepBody = true
	var codes []string
	for range n {
		if err := c.authorizeDevice(); err != nil {
			return nil, err
		}
		var answer struct {
			Code string `json:"device_code"`
		}
		if err := json.Unmarshal(c.body, &answer); err != nil {
			return nil, err
		}
		codes = append(codes, answer.Code)
	}
	return codes, nil
}

// measureDeviceMemory prints what each device that polls adds to the server's
// memory.
func measureDeviceMemory(out io.Writer, s settings) error {
	fmt.Fprintf(out, "\n### Memory for %d polling devices\n\n| server | before | with all | per device |\n|---|--:|--:|--:|\n", s.waiters)
	for _, what := range s.chosen(bare, memory, sqlite) {
		before, with, err := s.deviceMemory(what)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		fmt.Fprintf(out, "| %s | %s | %s | %.1f KiB |\n", what, megabytes(before), megabytes(with), float64(with-before)/float64(s.waiters)/1024)
	}
	return nil
}

func (s settings) deviceMemory(what subject) (before, with int64, err error) {
	return s.growth(what, func(one *server) (func() error, error) {
		return func() error { return nil }, one.pollEach(s.waiters)
	})
}

// pollEach starts n device grants and polls once for each.
func (s *server) pollEach(n int) error {
	codes, err := s.authorizeDevices(n)
	if err != nil {
		return err
	}
	c, err := dial(s.address)
	if err != nil {
		return err
	}
	defer c.close()
	for _, code := range codes {
		if err := c.pollDevice(code); err != nil {
			return err
		}
	}
	return nil
}

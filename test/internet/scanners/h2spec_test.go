//go:build integration

package scanners_test

import (
	"encoding/xml"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// deviations are the cases of h2spec that net/http does not pass. If one of
// them passes after an upgrade of Go it has to go from here.
var deviations = map[string]string{ // what it does instead
	// It takes a SETTINGS frame that names one setting twice for an attack
	// and closes the connection (processSettings), which RFC 9113 §6.5.3 does
	// not foresee. No client sends one.
	"http2/6.5.3 Sends multiple values of SETTINGS_INITIAL_WINDOW_SIZE": "connection closed",
	// It answers 400 rather than reset the stream. RFC 9113 §8.1.1 lets a
	// server send an answer first; the request is refused either way
	// (checkValidHTTP2RequestHeaders).
	"http2/8.1.2.2 Sends a HEADERS frame that contains the connection-specific header field":                       "400",
	"http2/8.1.2.2 Sends a HEADERS frame that contains the TE header field with any value other than \"trailers\"": "400",
}

// h2Cases is how many cases h2spec 2.2.1 has.
const h2Cases = 145

// raced are the cases in which h2spec sends a second frame about a stream that
// the server may have answered, and ended, in between: they fail by either
// side's luck. Each is tried by itself until the frames come first; a server
// that is at fault never passes.
var raced = map[string]string{ // its number
	"http2/6.9.1 Sends multiple WINDOW_UPDATE frames increasing the flow control window to above 2^31-1 on a stream":                                       "http2/6.9.1/3",
	"http2/8.1 Sends a second HEADERS frame without the END_STREAM flag":                                                                                   "http2/8.1/1",
	"http2/8.1.2.1 Sends a HEADERS frame that contains a pseudo-header field as trailers":                                                                  "http2/8.1.2.1/3",
	"http2/8.1.2.6 Sends a HEADERS frame with the \"content-length\" header field which does not equal the DATA frame payload length":                      "http2/8.1.2.6/1",
	"http2/8.1.2.6 Sends a HEADERS frame with the \"content-length\" header field which does not equal the sum of the multiple DATA frames payload length": "http2/8.1.2.6/2",
}

const (
	// unanswered is a GET that gives the frames all the time; a POST is
	// refused there as anywhere.
	unanswered = "/auth/token?wait=60&key=h2spec-asks-for-this-key"
	tries      = 30
)

// suites is what h2spec reports.
type suites struct {
	Cases []struct {
		Package string    `xml:"package,attr"`
		Name    string    `xml:"classname,attr"`
		Skipped *struct{} `xml:"skipped"`
		Failure string    `xml:"failure"`
		Error   string    `xml:"error"`
	} `xml:"testsuite>testcase"`
}

// TestH2Spec: HTTP/2 is as RFC 9113 and RFC 7541 have it, but for what is
// known.
func TestH2Spec(t *testing.T) {
	t.Parallel()
	s := start(t)
	// The home page is long enough for every case.
	all := s.h2spec("-P", "/")
	if len(all.Cases) != h2Cases {
		t.Errorf("%d cases", len(all.Cases))
	}
	failed := all.failures(t)
	for name := range failed {
		_, luck := raced[name]
		if deviations[name] == "" && !luck {
			t.Errorf("failed: %s", name)
		}
	}
	for name := range raced {
		if !s.passesOnce(name) {
			t.Errorf("failed %d times: %s", tries, name)
		}
	}
	for name := range deviations {
		if !failed[name] {
			t.Errorf("passes now, or is not there: %s", name)
		}
	}
}

// passesOnce tries a raced case by itself.
func (s *server) passesOnce(name string) bool {
	s.Helper()
	for range tries {
		again := s.h2spec("-P", unanswered, raced[name])
		if len(again.Cases) != 1 {
			s.Fatalf("%s: %d cases", raced[name], len(again.Cases))
		}
		if !again.failures(s.T)[name] {
			return true
		}
	}
	return false
}

func (s *server) h2spec(args ...string) (found suites) {
	s.Helper()
	_, port, err := net.SplitHostPort(s.address)
	if err != nil {
		s.Fatal(err)
	}
	file := filepath.Join(s.TempDir(), "h2spec.xml")
	// It ends with status 1 if a case fails, which the report tells better.
	out, runErr := run(s.Context(), 2*time.Minute, "../../.bin/h2spec", append([]string{"-h", "localhost", "-p", port, "-t", "-k", "-o", "5", "-j", file}, args...)...)
	text, err := os.ReadFile(file)
	if err != nil {
		s.Fatalf("%v, %v\n%s", err, runErr, out)
	}
	if err := xml.Unmarshal(text, &found); err != nil {
		s.Fatal(err)
	}
	return found
}

// failures fails for what has not been tried, and returns what has failed.
func (found suites) failures(t *testing.T) map[string]bool {
	t.Helper()
	failed := map[string]bool{}
	for _, one := range found.Cases {
		name := one.Package + " " + one.Name
		if one.Skipped != nil {
			t.Errorf("not tried: %s", name)
		}
		if why := one.Failure + one.Error; why != "" {
			t.Logf("%s: %s", name, why)
			failed[name] = true
		}
	}
	return failed
}

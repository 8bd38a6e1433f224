//go:build integration

package terminal_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/registration"
	"github.com/desktop-stack-serv/dss/internal/scripted"
)

// token24 is a token or a code of Stack Exchange.
var token24 = regexp.MustCompile(`[A-Za-z0-9(*]{22}\)\)`)

// doctor runs dss doctor with a client id, and has a person do what it asks in a
// browser. It returns the page on which that ends.
func doctor(t *testing.T, id string, args ...string) (*terminal, scripted.Page) {
	t.Helper()
	s := dss(t, nil, append([]string{"doctor", "--server", server, "--client-id", id, "--no-browser"}, args...)...)
	s.untilWaiting()
	page, err := scripted.New().Visit(s.url(), scripted.Approves)
	if err != nil {
		t.Fatal(err)
	}
	return s, page
}

// choose types the number of a sight, as it is in the list that the screen shows.
func (s *terminal) choose(sight registration.Sight) {
	s.t.Helper()
	i := slices.IndexFunc(registration.Sightings, func(known registration.Sighting) bool { return known.Sight == sight })
	number := regexp.MustCompile(`(\d+) ` + regexp.QuoteMeta(registration.Sightings[i].Words))
	var all [][]string
	s.until("list", func() bool {
		text := s.text()
		all = number.FindAllStringSubmatch(text, -1)
		return strings.Contains(text, "or press Enter ")
	})
	if len(all) != 1 {
		s.t.Fatalf("the list has %s %d times", sight, len(all))
	}
	s.keys(all[0][1], "Enter")
}

// text is what the screen shows, with single spaces.
func (s *terminal) text() string { return strings.Join(strings.Fields(s.look()), " ") }

func (s *terminal) keys(keys ...string) {
	s.t.Helper()
	s.tmux(append([]string{"send-keys", "-t", s.target()}, keys...)...)
}

// TestDoctor: where Stack Exchange keeps the browser, or an app fails later, a person
// says what they see, and reads what to change.
func TestDoctor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		id     string
		shown  string             // on the page where the browser ends; "" if it comes back
		seen   registration.Sight // what the person says; "" for nothing
		status int
		want   []string // causes by what to change
	}{
		{"901", "", "", 0, []string{"ok registration Stack Exchange has given a token for this app"}},
		{"902", "", "", 1, []string{"problem registration Stack Exchange wants a client secret", "tick Public client: Authorization Code with PKCE, which needs no secret."}},
		{"903", "An error occurred", "other", 1, []string{"one of these is the cause", "tick Public client: Authorization Code with PKCE.", "Copy the client ID"}},
		{"904", "", "dialog", 1, []string{"problem registration The flow of apps that open /oauth/dialog", "tick Public client: Implicit;"}},
		{"905", "An error occurred", "other", 1, []string{"one of these is the cause", "tick Public client: Authorization Code with PKCE.", "Copy the client ID"}},
		{"906", "redirect_uri", "redirect_uri", 1, []string{"problem registration Stack Exchange does not accept", "set OAuth domain to localhost,"}},
		{"907", "redirect_uri", "redirect_uri", 1, []string{"set OAuth domain to localhost,"}},
		{"908", "redirect_uri", "redirect_uri", 1, []string{"set OAuth domain to localhost,"}},
		{"909", "", "login_success", 1, []string{"problem registration The page …/oauth/login_success", "tick Enable Non-Web Client"}},
		{"910", "", "no_write", 1, []string{"one of these is the cause", "possible registration The app may not write", "Write a post about the app", "ask for write_access"}},
		{"911", "", "key", 1, []string{"problem registration The API key is not valid", "rotate the key"}},
		{"912", "An error occurred", "other", 1, []string{"one of these is the cause", "Copy the client ID from the application's page"}},
	} {
		t.Run(c.id, func(t *testing.T) {
			t.Parallel()
			s, page := doctor(t, c.id)
			if c.shown != "" {
				if !strings.Contains(page.Body, "Application Login Failure") || !strings.Contains(page.Body, c.shown) {
					t.Fatalf("the browser shows %s:\n%s", page.URL, page.Body)
				}
				s.keys("Enter")
			}
			switch {
			case c.seen != "":
				s.choose(c.seen)
			case c.status == 0:
				s.until("question", func() bool { return strings.Contains(s.look(), "press Enter if nothing does") })
				s.keys("Enter")
			}
			s.untilEnd(c.status)
			text := s.text()
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("it does not say %q", want)
				}
			}
			if strings.Contains(text, "one of these is the cause") != (c.want[0] == "one of these is the cause") {
				t.Error("a list, or none")
			}
			if token24.MatchString(text) {
				t.Error("it shows a token or a code")
			}
		})
	}
}

// TestDoctorGoesOn: a person presses Enter by mistake and types something that is
// not in the list; the doctor keeps waiting until they approve.
func TestDoctorGoesOn(t *testing.T) {
	t.Parallel()
	s := dss(t, nil, "doctor", "--server", server, "--client-id", "901", "--no-browser")
	s.untilWaiting()
	url := s.url()
	prompts := func(n int) func() bool {
		return func() bool { return strings.Count(s.look(), "to go on waiting") == n }
	}
	s.keys("Enter")
	s.until("question", prompts(1))
	s.keys("99", "Enter")
	s.until("question again", prompts(2))
	s.keys("Enter")
	s.until("waiting again", func() bool { return strings.Count(s.look(), waiting) >= 2 })
	s.keys("Enter")
	s.until("third question", prompts(3))
	if _, err := scripted.New().Visit(url, scripted.Approves); err != nil { // the answer is the browser's
		t.Fatal(err)
	}
	s.until("last question", func() bool { return strings.Contains(s.look(), "press Enter if nothing does") })
	s.keys("Enter")
	s.untilEnd(0)
}

func TestDoctorIsInterrupted(t *testing.T) {
	for _, where := range []string{"waiting", "choosing"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			s := dss(t, nil, "doctor", "--server", server, "--client-id", "906", "--no-browser")
			s.untilWaiting()
			if where == "choosing" {
				s.keys("Enter")
				s.until("question", func() bool { return strings.Contains(s.look(), "to go on waiting") })
			}
			s.keys("C-c")
			if lines := s.untilEnd(130); lines[len(lines)-1] != "dss: interrupted" {
				t.Errorf("the last lines are %q", lines)
			}
		})
	}
}

package httpapi

import (
	"cmp"
	"net/http"
	"path"

	"github.com/desktop-stack-serv/dss/internal/origin"
	"github.com/desktop-stack-serv/dss/internal/registration"
	"github.com/desktop-stack-serv/dss/internal/web"
)

const (
	pathProgram = pathStart + "/program"
	pathTried   = "/try"
)

// home serves the page for app authors, with a program of their choice.
func (s *Server) home(w http.ResponseWriter, r *http.Request) error {
	chosen, built, inSandbox, err := s.builderChoice(r)
	if err != nil {
		return err
	}
	common := chosen
	common.Needs = nil // what they add is said in words
	data := web.HomeData{
		Choice: chosen, Plan: registration.Advise(built), Form: registration.Advise(common).Form, InSandbox: inSandbox,
		OAuth: s.config.servesOAuth(), Sandbox: s.config.Sandbox != nil,
	}
	if data.Sandbox {
		data.Me = path.Join("/", s.upstream.APIURL().Path, "me") + "?site=stackoverflow"
	}
	return s.sitePage(w, r, "Stack Overflow sign-in for your desktop app. No server, no secret.",
		"Users of desktop and command-line apps sign in with Stack Overflow. Any OAuth library will do.", data)
}

// program serves GET /start/program: the program of the home page, for its script.
func (s *Server) program(w http.ResponseWriter, r *http.Request) error {
	_, built, _, err := s.builderChoice(r)
	if err != nil {
		return err
	}
	p := registration.Advise(built).Program
	return writeJSON(w, http.StatusOK, struct {
		File  string `json:"file"`
		Needs string `json:"needs"`
		Run   string `json:"run"`
		Text  string `json:"text"`
	}{p.File, p.Needs, p.Run, p.Text})
}

// builderChoice reads what the author has chosen for a program, by default the first
// of each. What is built is another choice for a sandbox on their machine.
func (s *Server) builderChoice(r *http.Request) (chosen, built registration.Choice, inSandbox bool, err error) {
	chosen, p, err := s.choiceIn(r, "client_id", "way", "language", "sandbox")
	if err != nil {
		return chosen, chosen, false, err
	}
	chosen.ClientID = clientIDIn(p)
	chosen.Way = cmp.Or(chosen.Way, registration.Ways[0])
	chosen.Language = cmp.Or(chosen.Language, registration.Languages()[0])
	if p.get("sandbox") != "" && s.config.Sandbox == nil {
		return chosen, chosen.InSandbox(), true, nil
	}
	return chosen, s.withApp(chosen), false, nil
}

// withApp gives a choice without a client ID one if there is a sandbox, where every
// number is an app's.
func (s *Server) withApp(c registration.Choice) registration.Choice {
	if s.config.Sandbox != nil {
		c.ClientID = cmp.Or(c.ClientID, registration.SandboxClientID)
	}
	return c
}

// isLoopback reports whether the server is reached as an app that listens on the
// user's machine would be.
func (s *Server) isLoopback() bool {
	return s.config.PublicURL.Scheme == "http" && origin.IsLoopback(s.config.PublicURL.Hostname())
}

// tried serves the redirect URI of a sign-in that was tried at the home page. The
// page's script reads the answer, and removes it from the address.
func (s *Server) tried(w http.ResponseWriter, r *http.Request) error {
	const about = "Where a sign-in ends that was tried at the home page."
	return s.sitePage(w, r, "You can close this tab.", about, web.TriedData{})
}

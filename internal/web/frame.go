package web

import "github.com/desktop-stack-serv/dss/internal/web/text"

// Frame is what pages have around what they show: the choice of a language.
type Frame struct {
	// Path is where the page can be loaded again. It holds no secret.
	Path      string
	Languages text.Languages
	// Form is the id of the form of a page that holds what would be lost if it were
	// loaded again. The choice goes where that form goes, with all that it holds.
	Form string
	// Scripted is set if only the script can fill that form.
	Scripted bool
}

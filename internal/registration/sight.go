package registration

// Sight names something that a person may have seen.
type Sight string

// Sighting is something that a person may have seen, in words to choose from.
type Sighting struct {
	Sight Sight
	Words string
	Later bool // it is for whoever can sign in

	causes []Cause
}

// Sightings lists what a person may have seen: where Stack Exchange keeps the
// browser, its page is the only evidence.
var Sightings = []Sighting{
	{"redirect_uri", failure + " about the redirect_uri", false, []Cause{Domain}},
	{"application", failure + " about the application or client ID", false, []Cause{Application}},
	{"flow", failure + " about a flow, a grant, PKCE or a secret", false, []Cause{PKCE}},
	{"other", failure + " about something else", false, []Cause{PKCE, Application}},
	{"failure", failure + " but I do not remember about what", false, []Cause{Domain, PKCE, Application}},
	{"login", "A page to log in or sign up, which leads no further", false, []Cause{Login}},
	{"unreachable", "I approved, and the browser could not open the page that came next", false, []Cause{Unreachable}},
	{"other_browser", "I approved, and a page of this server told me to start again", false, []Cause{OtherBrowser}},
	{"trouble", "An apology: too many requests, offline, something went wrong", false, []Cause{Outage}},
	{"dialog", failure + " but only at /oauth/dialog, which my app opens", true, []Cause{Implicit}},
	{"login_success", failure + " but only with …/oauth/login_success, which my app uses", true, []Cause{NonWeb}},
	{"no_write", "An error when my app posts, edits or votes", true, []Cause{Post}},
	{"key", "An error when my app sends its API key", true, []Cause{Key}},
}

// failure is the page on which Stack Exchange keeps the browser. It is known to be
// shown for a bad redirect URI, which it names, and taken to be shown for the
// other mistakes.
const failure = "“Application Login Failure”,"

// find returns the sighting of a sight; one that is not known may be any that keeps
// the browser.
func (s Sight) find() Sighting {
	for _, known := range Sightings {
		if known.Sight == s {
			return known
		}
	}
	return Sighting{causes: []Cause{Domain, PKCE, Application, Login, Unreachable}}
}

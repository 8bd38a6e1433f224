package registration

// Sight names something that a person may have seen.
type Sight string

// Sighting is something that a person may have seen, in words to choose from.
type Sighting struct {
	Sight Sight
	Words string
	Rare  bool // few see it
	Later bool // it is for whoever can sign in

	causes []Cause
}

// Sightings lists what a person may have seen: where Stack Exchange keeps the
// browser, its page is the only evidence. Of that page only the words about the
// redirect URI are known, so no choice asks for others.
var Sightings = []Sighting{
	{Sight: "redirect_uri", Words: failure + " and it mentions redirect_uri", causes: []Cause{Domain}},
	{Sight: "other", Words: failure + " and it does not mention redirect_uri", causes: []Cause{PKCE, Application}},
	{Sight: "failure", Words: failure + " and I do not remember more", causes: []Cause{Domain, PKCE, Application}},
	{Sight: "login", Words: "A page to log in or sign up, which leads no further", causes: []Cause{Login}},
	{
		Sight: "unreachable", Words: "I approved, and the browser could not open the page that came next", Rare: true,
		causes: []Cause{Unreachable},
	},
	{
		Sight: "other_browser", Words: "I approved, and a page of this server told me to start again", Rare: true,
		causes: []Cause{OtherBrowser},
	},
	{
		Sight: "trouble", Words: "An apology: too many requests, offline, something went wrong", Rare: true,
		causes: []Cause{Outage},
	},
	{
		Sight: "dialog", Words: failure + " but only at /oauth/dialog, which my app opens", Later: true,
		causes: []Cause{Implicit},
	},
	{
		Sight: "login_success", Words: failure + " but only with …/oauth/login_success, which my app uses", Later: true,
		causes: []Cause{NonWeb},
	},
	{Sight: "no_write", Words: "An error when my app posts, edits or votes", Later: true, causes: []Cause{Post}},
	{Sight: "key", Words: "An error when my app sends its API key", Later: true, causes: []Cause{Key}},
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

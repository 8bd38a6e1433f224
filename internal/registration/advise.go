package registration

import (
	"slices"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/origin"
)

// Advise returns how to register an app. A platform that is not listed counts as
// [Desktop].
func Advise(c Choice) Plan {
	p := Plan{Form: c.form(), Flow: c.flow(), Scope: c.scope(), Also: c.also()}
	if c.ClientID != "" {
		p.Flow.Values = append(p.Flow.Values, Field{Name: "Client ID", Do: Enter, Value: c.ClientID})
	}
	if p.Scope != "" {
		p.Flow.Values = append(p.Flow.Values, Field{Name: "Scope", Do: Enter, Value: p.Scope})
	}
	p.Flow.Values = append(p.Flow.Values, Field{
		Name: "URL of the user's name", Do: Enter, Value: c.me(),
		Why: "GET it with the header Authorization: Bearer and the token. The answer is JSON, compressed with gzip; " +
			"the name is items[0].display_name, encoded as in HTML.",
	})
	if c.OAuth {
		p.Flow.Values = append(p.Flow.Values, Field{
			Name: "To try it in a terminal", Do: Enter, Value: c.command(p.Scope), Why: "It prints the name of the user.",
		})
	}
	if c.OAuth && c.Platform != BrowserExtension && c.Platform != Mobile || c.Way != "" {
		p.Program = c.program(p.Flow.Name, p.Scope)
	}
	return p
}

// scope returns the scope parameter, in the order of [Needs].
func (c Choice) scope() string {
	var names []string
	for _, n := range Needs {
		if slices.Contains(c.Needs, n.Need) {
			names = append(names, n.Scope)
		}
	}
	return strings.Join(names, " ")
}

// form returns the steps of Stack Apps' form, in its words of June 2025.
func (c Choice) form() []Step {
	steps := []Step{
		{
			Title: "Register an application",
			Fields: []Field{
				{Name: "Application name", Do: Own, Why: "The name that users know: Stack Exchange shows it when it asks them."},
				{Name: "Application description", Do: Own, Why: "A sentence on what the app does."},
				{Name: "Application URL", Do: Own, Why: "A page about the app, such as its repository. It is optional."},
				{Name: "Application icon", Do: Leave, Why: "It is optional."},
				{Name: "I agree to the terms and conditions", Do: Tick},
			},
			Result: "The application's page shows the Client ID, a number that is not secret. Press Manage OAuth there.",
		},
		{Title: manageOAuth, Fields: c.flows()},
		{
			Title:  "Client secrets",
			Fields: []Field{{Name: "Credential name", Do: Leave, Why: "DSS refuses a client secret."}},
		},
		{
			Title: apiKeys,
			Fields: []Field{{
				Name: "Name, Expires in", Do: Leave,
				Why: "A signed-in user needs no key. A key only buys quota for requests without a user, and it expires.",
			}},
		},
	}
	if slices.Contains(c.Needs, Write) {
		steps = append(steps, Step{Title: "Stack Apps post", Fields: []Field{{
			Name: "A post about the app", Do: Own,
			Why: "Writing needs it, for as long as the app writes. Signing in works without it.",
		}}})
	}
	return steps
}

// Parts of the form, as it calls them.
const (
	manageOAuth = "Manage OAuth"
	apiKeys     = "API keys"
	pkce        = "Public client: Authorization Code with PKCE"
	implicit    = "Public client: Implicit"
	domainField = "OAuth domain"
	nonWeb      = "Enable Non-Web Client OAuth Redirect URI"
)

// flows returns the fields of the step in which the flows are enabled.
func (c Choice) flows() []Field {
	return []Field{
		{
			Name: "Confidential client: Authorization Code", Do: Leave,
			Why: "It needs a client secret, which an app on its users' machines cannot keep.",
		},
		{Name: pkce, Do: Tick},
		{Name: implicit, Do: Leave, Why: "Only old apps that open /oauth/dialog need it."},
		{
			Name: domainField, Do: Enter, Value: c.Server.Hostname(),
			Why: "The host of this server, without https:// and without a port.",
		},
		{Name: nonWeb, Do: Leave, Why: "It is for …/oauth/login_success, which DSS does not use."},
	}
}

// flow returns the way that was chosen, or that suits the platform.
func (c Choice) flow() Flow {
	switch {
	case !c.OAuth, c.Way == Relay, c.Way == "" && c.Platform == BrowserExtension:
		return c.relay()
	case c.Way == Device, c.Way == "" && c.Platform == Script:
		return c.device()
	case c.Way == "" && c.Platform == Mobile:
		return c.codeGrant(PrivateScheme, "Code grant with PKCE, and a scheme of the app's own", Field{
			Name: "Redirect URI", Do: Own, Value: "com.example.app:/callback",
			Why: "A domain of yours, backwards, that the app registers with the system. Stack Apps does not ask for it.",
		})
	}
	return c.codeGrant(Loopback, "Code grant with PKCE, and a loopback redirect URI", Field{
		Name: "Redirect URI", Do: Enter, Value: "http://127.0.0.1:8123/callback",
		Why: "Any free port and any path will do. Stack Apps does not ask for it.",
	})
}

func (c Choice) codeGrant(name FlowName, title string, redirectURI Field) Flow {
	return Flow{name, title, []Field{
		c.at("Authorization URL", "/oauth/authorize"), c.at("Token URL", "/oauth/token"), redirectURI,
	}}
}

func (c Choice) device() Flow {
	return Flow{Device, "Device grant", []Field{
		c.at("Device authorization URL", "/oauth/device_authorization"), c.at("Token URL", "/oauth/token"),
	}}
}

func (c Choice) relay() Flow {
	redirectURI := c.at("Redirect URI", "/auth/redirect")
	redirectURI.Why = "Stack Apps asks only for its domain."
	upstream := func(name, path string) Field {
		return Field{Name: name, Do: Enter, Value: c.StackExchange.JoinPath(path).String()}
	}
	return Flow{Relay, "Key relay, with the code grant and PKCE", []Field{
		upstream("Authorization URL", "oauth"),
		redirectURI,
		c.at("Where the app fetches the code", "/auth/token"),
		upstream("Token URL", "oauth/access_token/json"),
	}}
}

// at is a value that is a path of the server.
func (c Choice) at(name, path string) Field {
	return Field{Name: name, Do: Enter, Value: c.Server.String() + path}
}

// also returns what else the author should know.
func (c Choice) also() []string {
	noExpiry := slices.Contains(c.Needs, NoExpiry)
	var notes []string
	for _, note := range []struct {
		applies bool
		text    string
	}{
		{c.OAuth && c.Platform == CommandLine, "Where the browser is on another machine, as over SSH, use the device " +
			"grant: " + c.Server.String() + "/oauth/device_authorization. The command dss login does either."},
		{c.OAuth && c.Platform == Script, "A person opens the address that the script prints, compares the code, " +
			"and approves."},
		{c.Platform == Script && !noExpiry, "The token lives for a day. Then a person has to approve again, " +
			"unless the script asks for no_expiry."},
		{noExpiry, "A token without expiry lives until someone ends it: keep it in the system's keychain, " +
			"and revoke it when the user signs out."},
		{!c.OAuth, "This server is reached over plain http, so it has the key relay alone. The other ways need https."},
		{origin.IsLoopback(c.Server.Hostname()), "With this OAuth domain users can sign in on this machine only. " +
			"An app has one OAuth domain: for others, register it with a host that they reach."},
	} {
		if note.applies {
			notes = append(notes, note.text)
		}
	}
	return notes
}

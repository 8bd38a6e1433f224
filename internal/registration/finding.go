package registration

import "strings"

// Finding is a cause in words: what it means, and what to change, a sentence each.
type Finding struct {
	Cause  Cause
	Means  string
	Change string
}

// Cause is why a sign-in did not work.
type Cause string

// The causes.
const (
	// Mistakes in the registration.
	Domain      Cause = "domain"
	PKCE        Cause = "pkce"
	Secret      Cause = "secret"
	Application Cause = "application"
	Implicit    Cause = "implicit"
	NonWeb      Cause = "non_web"
	Post        Cause = "post"
	Key         Cause = "key"
	// What only looks like one.
	Scope        Cause = "scope"
	ScopeMissing Cause = "scope_missing"
	Denied       Cause = "denied"
	Late         Cause = "late"
	Login        Cause = "login"
	Unreachable  Cause = "unreachable"
	OtherBrowser Cause = "other_browser"
	Outage       Cause = "outage"
	// No mistake.
	Right        Cause = "right"
	PostUntested Cause = "post_untested"
)

// sentences are those of each cause. {domain} and {scope} are from the evidence.
var sentences = map[Cause]struct{ means, change string }{
	Domain: {
		"Stack Exchange does not accept the redirect URI of this server: the app's OAuth domain is empty, " +
			"is another host, or is a host below this one.",
		"In " + manageOAuth + ", set " + domainField + " to {domain}, without https:// and without a port.",
	},
	PKCE: {
		"The flow that DSS uses is not enabled for this app.",
		"In " + manageOAuth + ", tick " + pkce + ".",
	},
	Secret: {
		"Stack Exchange wants a client secret: the app is registered as a confidential client only.",
		"In " + manageOAuth + ", tick " + pkce + ", which needs no secret.",
	},
	Application: {
		"Stack Exchange knows no application with this client ID: a digit is wrong, or the application was deleted.",
		"Copy the client ID from the application's page on Stack Apps, or register the application again.",
	},
	Implicit: {
		"The flow of apps that open /oauth/dialog is not enabled for this app.",
		"In " + manageOAuth + ", tick " + implicit + "; or change the app to " + pkce + ".",
	},
	NonWeb: {
		"The page …/oauth/login_success is not enabled for this app.",
		"In " + manageOAuth + ", tick " + nonWeb + "; or use a redirect URI of this server, which does not need it.",
	},
	Post: {
		"The app may not write: Stack Exchange wants a post about it on Stack Apps.",
		"Write a post about the app on Stack Apps, and keep it there.",
	},
	Key: {
		"The API key is not valid any more: keys expire, and can be rotated or deleted.",
		"In " + apiKeys + ", rotate the key or make a new one; or send no key, since a token needs none.",
	},
	Scope: {
		"Stack Exchange does not grant one of the scopes that were asked for: {scope}.",
		"Change nothing on Stack Apps; ask only for the scopes that the app needs, in Stack Exchange's spelling.",
	},
	ScopeMissing: {
		"The token does not allow writing if the app did not ask for write_access.",
		"Change nothing on Stack Apps; ask for write_access, and sign in again.",
	},
	Denied: {
		"The registration is right so far: Stack Exchange asked, and the answer was no.",
		"Change nothing on Stack Apps; try again and approve.",
	},
	Late: {
		"The code was too old, or had been used before.",
		"Change nothing on Stack Apps; try again, and approve once.",
	},
	Login: {
		"Stack Exchange wants you to log in first, with an account that is registered: a guest's cannot authorize apps.",
		"Change nothing on Stack Apps; log in at Stack Overflow in this browser, then try again.",
	},
	Unreachable: {
		"The browser was sent back to {domain} and did not get there; so far, the registration is right.",
		"Change nothing on Stack Apps; open the server's address in this browser, and correct its name, certificate " +
			"or firewall.",
	},
	OtherBrowser: {
		"The registration is right so far, but the sign-in ended in another browser or in a private window, " +
			"or the browser takes no cookies.",
		"Change nothing on Stack Apps; try again in one browser that takes cookies.",
	},
	Outage: {
		"Stack Exchange has trouble, or cannot be reached from here; this says nothing about the registration.",
		"Change nothing on Stack Apps; try again later.",
	},
	Right: {
		"Stack Exchange has given a token for this app, so it is registered correctly.",
		"Nothing.",
	},
	PostUntested: {
		"A sign-in does not show whether the app may write: it also needs a post about it on Stack Apps.",
		"If there is no such post yet, write one, and keep it there.",
	},
}

func (c Cause) finding(e Evidence) Finding {
	fill := strings.NewReplacer("{domain}", e.Domain, "{scope}", e.Scope)
	return Finding{c, fill.Replace(sentences[c].means), fill.Replace(sentences[c].change)}
}

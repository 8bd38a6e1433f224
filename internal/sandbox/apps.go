package sandbox

import "strconv"

// App is how an application is registered at Stack Apps: the fields of its
// form, and what has become of it since.
type App struct {
	ClientID string
	// Confidential, PKCE and Implicit are the flows that are enabled:
	// Authorization Code for a client with a secret, Authorization Code with
	// PKCE, and Implicit.
	Confidential, PKCE, Implicit bool
	// Domain is the OAuth domain, a host without a port; "" if there is none.
	Domain string
	// NonWeb is "Enable Non-Web Client OAuth Redirect URI".
	NonWeb bool
	// Writes is whether the app may write: there is a post about it on Stack
	// Apps, or Stack Internal has it as Read-write.
	Writes bool
	// KeyExpired is whether its API key has expired.
	KeyExpired bool
	// Deleted is whether the application does not exist any more.
	Deleted bool
}

// Apps returns the apps of the sandbox at host, in the order of their ids: the
// first is registered right, and each of the others is wrong in one way.
// Client ids that the list lacks are registered right.
func Apps(host string) []App {
	right := App{PKCE: true, Implicit: true, Domain: host, NonWeb: true, Writes: true}
	changes := []func(*App){
		func(*App) {},
		func(a *App) { a.Confidential, a.PKCE, a.Implicit = true, false, false },
		func(a *App) { a.PKCE = false },
		func(a *App) { a.Implicit = false },
		func(a *App) { a.PKCE, a.Implicit = false, false },
		func(a *App) { a.Domain = "elsewhere.example" },
		func(a *App) { a.Domain = "" },
		func(a *App) { a.Domain = "app." + host },
		func(a *App) { a.NonWeb = false },
		func(a *App) { a.Writes = false },
		func(a *App) { a.KeyExpired = true },
		func(a *App) { a.Deleted = true },
	}
	apps := make([]App, len(changes))
	for i, change := range changes {
		apps[i] = right
		apps[i].ClientID = strconv.Itoa(firstApp + i)
		change(&apps[i])
	}
	return apps
}

// firstApp is the client ID of the app that is registered right.
const firstApp = 901

// key is the app's API key: like those made since 2025, rl_ and 24 characters.
func (a App) key() string { return "rl_SandboxKeyOfAppNumber" + a.ClientID }

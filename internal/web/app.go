package web

import "unicode/utf8"

// App is what pages show of an app. A name comes from the operator's list only,
// never from an address. The zero value is an app that is not listed.
type App struct {
	Name     string
	Author   string
	Homepage string // a URL
	Post     string // on Stack Apps, a URL
	Icon     string // a path on this server; "" shows the first letter of the name

	ShowsCode bool // the app shows the match code
	Claimed   bool // whoever made the link has chosen which app it is
	Warn      bool // of an app that is not listed
}

// Letter stands for an icon.
func (a App) Letter() string {
	if a.Name == "" {
		return "?"
	}
	_, size := utf8.DecodeRuneInString(a.Name)
	return a.Name[:size]
}

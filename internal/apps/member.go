package apps

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/desktop-stack-serv/dss/internal/display"
	"github.com/desktop-stack-serv/dss/internal/oauth"
	"github.com/desktop-stack-serv/dss/internal/origin"
	"github.com/desktop-stack-serv/dss/internal/relay"
)

// memberNames lists the members for people.
const memberNames = "client_id, app_id, name, author, homepage, post, icon, shows_code, flows, scopes, " +
	"redirect_uris, limits and blocked"

// setMember takes the value of a member.
type setMember func(*parser, *App, *unstable.Node) error

// members are those that an app can have.
var members = map[string]setMember{
	"client_id":     text(func(a *App) *string { return &a.ClientID }, checkClientID),
	"app_id":        text(func(a *App) *string { return &a.AppID }, checkAppID),
	"name":          text(func(a *App) *string { return &a.Name }, CheckName),
	"author":        text(func(a *App) *string { return &a.Author }, CheckName),
	"homepage":      text(func(a *App) *string { return &a.Homepage }, checkURL),
	"post":          text(func(a *App) *string { return &a.Post }, checkURL),
	"blocked":       text(func(a *App) *string { return &a.Blocked }, checkReason),
	"icon":          setIcon,
	"shows_code":    setShowsCode,
	"flows":         setFlows,
	"scopes":        setScopes,
	"redirect_uris": setRedirectURIs,
	"limits":        setLimits,
}

// text returns what sets a text that check finds right.
func text(field func(*App) *string, check func(string) error) setMember {
	return func(_ *parser, app *App, value *unstable.Node) error {
		text, err := textOf(value)
		if err == nil {
			err = check(text)
		}
		if err == nil {
			*field(app) = text
		}
		return err
	}
}

func textOf(value *unstable.Node) (string, error) {
	if value.Kind != unstable.String {
		return "", errors.New("write a text, in quotes")
	}
	return string(value.Data), nil
}

// textsOf returns a list of texts. It is not nil.
func textsOf(value *unstable.Node) ([]string, error) {
	if value.Kind != unstable.Array {
		return nil, errors.New(`write a list of texts, such as ["a", "b"]`)
	}
	texts := []string{}
	for it := value.Children(); it.Next(); {
		text, err := textOf(it.Node())
		switch {
		case err != nil:
			return nil, err
		case slices.Contains(texts, text):
			return nil, fmt.Errorf("%s is there twice", quote(text))
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// checkClientID refuses zeros in front: Stack Exchange takes 07 for 7.
func checkClientID(id string) error {
	if !oauth.IsClientID(id) || id[0] == '0' {
		return fmt.Errorf("%s is not a client ID of Stack Apps, which is a number", quote(id))
	}
	return nil
}

func checkAppID(id string) error {
	space, err := relay.ParseKeySpace(id)
	switch {
	case err != nil:
		return err
	case space == relay.DefaultKeySpace:
		return errors.New("0 stands for apps that send no app id")
	}
	return nil
}

// maxURL bounds a URL, in bytes.
const maxURL = 300

func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case len(text) > maxURL:
		return fmt.Errorf("it is longer than %d bytes", maxURL)
	case err != nil || u.Scheme != "https" || u.User != nil || !display.Verbatim(text) || strings.ContainsAny(text, " <>"):
		return errors.New("write a URL that begins with https://")
	}
	if _, err = origin.Parse("https://" + u.Host); err != nil {
		return fmt.Errorf("write a URL that begins with https:// and a host: %w", err)
	}
	return nil
}

func setShowsCode(_ *parser, app *App, value *unstable.Node) error {
	if value.Kind != unstable.Bool {
		return errors.New("write true or false")
	}
	app.ShowsCode = string(value.Data) == "true"
	return nil
}

var allFlows = []Flow{FlowCode, FlowDevice, FlowRelay}

func setFlows(_ *parser, app *App, value *unstable.Node) error {
	texts, err := textsOf(value)
	if err != nil {
		return err
	}
	app.Flows = []Flow{}
	for _, text := range texts {
		if !slices.Contains(allFlows, Flow(text)) {
			return fmt.Errorf("%s is not a flow; use code, device or relay", quote(text))
		}
		app.Flows = append(app.Flows, Flow(text))
	}
	if len(texts) == 0 {
		return errors.New("it is empty: use blocked, which says why")
	}
	return nil
}

const (
	maxScope  = 100 // bytes of a scope
	maxScopes = 50
)

func setScopes(_ *parser, app *App, value *unstable.Node) error {
	texts, err := textsOf(value)
	if err != nil {
		return err
	}
	for _, text := range texts {
		if text == "" || len(text) > maxScope || !display.Verbatim(text) || strings.ContainsAny(text, " ,<>") {
			return fmt.Errorf("%s is not a scope", quote(text))
		}
	}
	if len(texts) > maxScopes {
		return fmt.Errorf("there are more than %d", maxScopes)
	}
	app.Scopes = texts
	return nil
}

const maxRedirectURIs = 20

func setRedirectURIs(_ *parser, app *App, value *unstable.Node) error {
	texts, err := textsOf(value)
	if err != nil {
		return err
	}
	if len(texts) > maxRedirectURIs {
		return fmt.Errorf("there are more than %d", maxRedirectURIs)
	}
	for _, text := range texts {
		target, err := parseTarget(text)
		if err != nil {
			return fmt.Errorf("%s: %w", quote(text), err)
		}
		app.RedirectURIs = append(app.RedirectURIs, target)
	}
	return nil
}

// The range of the factor of an app's limits.
const (
	minLimits = 0.01
	maxLimits = 100
)

func setLimits(_ *parser, app *App, value *unstable.Node) error {
	number, err := strconv.ParseFloat(string(value.Data), 64)
	isNumber := value.Kind == unstable.Integer || value.Kind == unstable.Float
	if !isNumber || err != nil || !(minLimits <= number && number <= maxLimits) {
		return fmt.Errorf("write a factor from %g to %d, without quotes", minLimits, maxLimits)
	}
	app.Limits = number
	return nil
}

func setIcon(p *parser, app *App, value *unstable.Node) error {
	path, err := textOf(value)
	if err == nil {
		app.Icon, err = p.list.addIcon(path, p.readIcon)
	}
	return err
}

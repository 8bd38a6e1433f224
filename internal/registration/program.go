package registration

import (
	"cmp"
	"embed"
	"net/url"
	"slices"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/origin"
)

// Language is what a program is written in.
type Language string

// The languages. Command stands for dss login.
const (
	Python     Language = "python"
	JavaScript Language = "javascript"
	Go         Language = "go"
	Java       Language = "java"
	Curl       Language = "curl"
	Command    Language = "dss"
)

// Program signs a user in as the app would, and greets them by name. A test runs
// each against the sandbox.
type Program struct {
	File  string // its name; "" for a command
	Needs string // what has to be installed
	Run   string // the command that runs it
	Text  string
}

// tongue is a language, and what there is in it.
type tongue struct {
	Language
	name      string
	extension string // of its files in programs
	program   Program
	ways      []FlowName
}

// languages are all languages, the first by default.
var languages = []tongue{
	{Python, "Python", "py", Program{File: "hello.py", Needs: "Python 3.8 or newer", Run: "python3 hello.py"}, Ways},
	{JavaScript, "JavaScript", "mjs", Program{
		File: "hello.mjs", Needs: "Node.js 18 or newer", Run: "node hello.mjs",
	}, Ways},
	{Go, "Go", "go.txt", Program{
		File: "hello.go", Needs: "Go 1.26 or newer", Run: "go mod init hello && go mod tidy && go run hello.go",
	}, Ways},
	{Java, "Java", "java", Program{File: "Hello.java", Needs: "Java 17 or newer", Run: "java Hello.java"}, Ways},
	{Curl, "curl", "sh", Program{
		File: "hello.sh", Needs: "bash, curl and openssl", Run: "bash hello.sh",
	}, []FlowName{Device, Relay}},
	{Command, "dss login", "", Program{Needs: "dss"}, Ways},
}

// Ways are the ways for which there are programs, the first by default.
var Ways = []FlowName{Loopback, Device, Relay}

// Languages lists all languages.
func Languages() (all []Language) {
	for _, l := range languages {
		all = append(all, l.Language)
	}
	return all
}

// Name returns what the language is called.
func (l Language) Name() string { return languages[l.index()].name }

// index is that of the first language for one that is not known.
func (l Language) index() int {
	return max(0, slices.IndexFunc(languages, func(t tongue) bool { return t.Language == l }))
}

//go:embed programs
var programFiles embed.FS

// program returns the program of a choice, which must have an app that is a program
// on a computer of its own. Its Text is "" where the language cannot go that way.
func (c Choice) program(way FlowName, scope string) Program {
	language := languages[c.Language.index()]
	p := language.program
	switch {
	case !slices.Contains(language.ways, way):
	case language.Language == Command:
		p.Run = c.command(scope)
		p.Text = p.Run
	default:
		p.Text = c.fill(language.extension, way, scope)
	}
	return p
}

// fill returns the program of a way, with the values of the choice. None of them
// has a character that ends a text in one of the languages.
func (c Choice) fill(extension string, way FlowName, scope string) string {
	var text strings.Builder
	for _, part := range []string{string(way), "name"} {
		content, _ := programFiles.ReadFile("programs/" + part + "." + extension) // all are there
		text.Write(content)
	}
	clientID := cmp.Or(c.ClientID, clientIDHere)
	signIn := url.Values{"client_id": {clientID}, "redirect_uri": {c.Server.String() + "/auth/redirect"}}
	if scope != "" {
		signIn.Set("scope", scope)
	}
	return strings.NewReplacer(
		"__SERVER__", c.Server.String(), "__CLIENT_ID__", clientID, "__SCOPE__", scope, "__ME__", c.me(),
		"__STACK_EXCHANGE__", c.StackExchange.String(),
		"__SIGN_IN__", c.StackExchange.JoinPath("oauth").String()+"?"+signIn.Encode(),
		"__REDEEM__", c.StackExchange.JoinPath("oauth/access_token/json").String(),
	).Replace(text.String())
}

// command signs in and prints the user's name.
func (c Choice) command(scope string) string {
	server := " --server " + c.Server.String()
	line := "dss login" + server + " --client-id " + cmp.Or(c.ClientID, clientIDHere)
	if c.Way != "" {
		line += " --flow " + string(c.Way)
	}
	if scope != "" {
		line += " --scope " + strings.ReplaceAll(scope, " ", ",")
	}
	line += " | dss whoami -"
	if origin.IsLoopback(c.Server.Hostname()) { // where a sandbox may be
		line += server
	}
	return line
}

// SandboxClientID is a client ID in a sandbox, where every number is one.
const SandboxClientID = "1"

// clientIDHere is in the place of a client ID that is not known.
const clientIDHere = "CLIENT_ID"

// me is where the API says who the user is. Only a Stack Exchange with several sites
// wants to know which.
func (c Choice) me() string {
	me := c.API.JoinPath("me")
	if !c.OneSite {
		me.RawQuery = "site=stackoverflow"
	}
	return me.String()
}

// InSandbox returns the same choice for a server on the author's machine, as dss
// serve --sandbox starts it.
func (c Choice) InSandbox() Choice {
	c.Server = &url.URL{Scheme: "http", Host: "localhost:8080"}
	c.StackExchange, c.API = c.Server.JoinPath("sandbox"), c.Server.JoinPath("sandbox/2.3")
	c.OAuth, c.OneSite, c.ClientID = true, false, SandboxClientID
	return c
}

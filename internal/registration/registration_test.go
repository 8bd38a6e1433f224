package registration

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

func causesOf(findings []Finding) (causes []Cause) {
	for _, f := range findings {
		causes = append(causes, f.Cause)
	}
	return causes
}

// TestDiagnose has each way to register an app, with what can be seen of it.
func TestDiagnose(t *testing.T) {
	notTaken := func(name, message string) Evidence { return Evidence{Stage: NotTaken, Error: name, Message: message} }
	refused := func(name, message string) Evidence { return Evidence{Stage: Refused, Error: name, Message: message} }
	for name, tt := range map[string]struct {
		evidence Evidence
		want     []Cause
	}{
		"right":                   {Evidence{Stage: SignedIn, Scope: "read_inbox"}, []Cause{Right}},
		"right, and may write":    {Evidence{Stage: SignedIn, Scope: "a,write_access"}, []Cause{Right, PostUntested}},
		"confidential, nested":    {notTaken("invalid_request", "client_secret not provided"), []Cause{Secret}},
		"confidential, flat":      {notTaken("", "A client secret is required"), []Cause{Secret}},
		"confidential, by number": {notTaken("2", "client_secret is missing"), []Cause{Secret}},
		"no PKCE, on a page":      {Evidence{Seen: "other"}, []Cause{PKCE, Application}},
		"no PKCE, as an error":    {refused("unauthorized_client", ""), []Cause{PKCE}},
		"no PKCE, in words":       {refused("invalid_request", "the grant is not enabled"), []Cause{PKCE}},
		"verifier not taken":      {notTaken("invalid_request", "code_verifier does not match"), []Cause{PKCE}},
		"no Implicit":             {Evidence{Stage: SignedIn, Seen: "dialog"}, []Cause{Implicit}},
		"no flow":                 {Evidence{Stage: Sent, Seen: "other"}, []Cause{PKCE, Application}},
		"domain":                  {Evidence{Seen: "redirect_uri"}, []Cause{Domain}},
		"domain, by number":       {notTaken("2", "redirect_uri does not match the registered URI"), []Cause{Domain}},
		"non-web off":             {Evidence{Seen: "login_success"}, []Cause{NonWeb}},
		"no post":                 {Evidence{Stage: SignedIn, Seen: "no_write", Scope: "write_access"}, []Cause{Post}},
		"no post or scope":        {Evidence{Seen: "no_write"}, []Cause{Post, ScopeMissing}},
		"key expired":             {Evidence{Stage: SignedIn, Seen: "key"}, []Cause{Key}},
		"deleted":                 {Evidence{Seen: "other"}, []Cause{PKCE, Application}},
		"deleted meanwhile":       {notTaken("invalid_request", "No application with this client_id"), []Cause{Application}},
		"some failure":            {Evidence{Seen: "failure", Scope: "no_expiry"}, []Cause{Domain, PKCE, Application}},
		"failure, odd scope":      {Evidence{Seen: "failure", Scope: "read_mail"}, []Cause{Domain, PKCE, Application, Scope}},
		"failure, team's scope":   {Evidence{Seen: "failure", Scope: "access_team|stackoverflow.com/c/x"}, []Cause{Domain, PKCE, Application}},
		"another failure":         {Evidence{Seen: "other", Scope: "read_inbox"}, []Cause{PKCE, Application}},
		"another, odd scope":      {Evidence{Seen: "other", Scope: "a,b"}, []Cause{PKCE, Application, Scope}},
		"never came back":         {Evidence{}, []Cause{Domain, PKCE, Application, Login, Unreachable}},
		"a sight nobody knows":    {Evidence{Seen: "><"}, []Cause{Domain, PKCE, Application, Login, Unreachable}},
		"guest":                   {Evidence{Seen: "login"}, []Cause{Login}},
		"server out of reach":     {Evidence{Seen: "unreachable"}, []Cause{Unreachable}},
		"another browser":         {Evidence{Seen: "other_browser"}, []Cause{OtherBrowser}},
		"apology":                 {Evidence{Seen: "trouble"}, []Cause{Outage}},
		"denied":                  {refused("access_denied", "The user denied the request."), []Cause{Denied}},
		"scope":                   {refused("invalid_scope", ""), []Cause{Scope}},
		"server error":            {refused("server_error", ""), []Cause{Outage}},
		"server error, in words":  {refused("server_error", "No such client ID"), []Cause{Application}},
		"unknown error":           {refused("9", "?"), []Cause{PKCE, Application}},
		"code not found":          {notTaken("", "No authorization code found"), []Cause{Late}},
		"code expired":            {notTaken("", "The authorization code has expired"), []Cause{Late}},
		"not taken, for whatever": {notTaken("1", ""), []Cause{Secret, Late}},
		"no answer":               {Evidence{Stage: Unanswered}, []Cause{Outage}},
		"what was seen before":    {Evidence{Stage: SignedIn, Seen: "redirect_uri"}, []Cause{Right}},
	} {
		if got := causesOf(Diagnose(tt.evidence)); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

// TestFindingsAreSentences, for every cause that there is a way to.
func TestFindingsAreSentences(t *testing.T) {
	seen := map[string]bool{}
	for cause := range sentences {
		f := cause.finding(Evidence{Domain: "auth.example.org", Scope: "read_mail"})
		for _, text := range []string{f.Means, f.Change} {
			if !strings.HasSuffix(text, ".") || strings.ContainsAny(text, "{}") {
				t.Errorf("%s: %q", cause, text)
			}
		}
		if seen[f.Means] {
			t.Errorf("%s means what another does", cause)
		}
		seen[f.Means] = true
	}
	for _, s := range Sightings {
		if s.Words == "" || len(Diagnose(Evidence{Seen: s.Sight})) == 0 {
			t.Errorf("%+v", s)
		}
		for _, cause := range s.causes {
			if sentences[cause].means == "" {
				t.Errorf("%s leads to %s, which has no sentences", s.Sight, cause)
			}
		}
	}
	domain := Diagnose(Evidence{Seen: "redirect_uri", Domain: "auth.example.org"})[0]
	if !strings.Contains(domain.Change, "set OAuth domain to auth.example.org,") {
		t.Errorf("%+v", domain)
	}
}

var (
	server    = &url.URL{Scheme: "https", Host: "auth.example.org:8443"}
	upstream  = &url.URL{Scheme: "https", Host: "stackoverflow.com"}
	publicAPI = &url.URL{Scheme: "https", Host: "api.stackexchange.com", Path: "/2.3"}
)

// everyNeed returns each set of needs.
func everyNeed() (sets [][]Need) {
	for bits := range 1 << len(Needs) {
		var set []Need
		for i, n := range Needs {
			if bits>>i&1 == 1 {
				set = append(set, n.Need)
			}
		}
		sets = append(sets, set)
	}
	return sets
}

// TestAdvise: whatever the choice, the form enables PKCE for this host and
// nothing else, and only writing needs a post.
func TestAdvise(t *testing.T) {
	for _, platform := range Platforms {
		for _, needs := range everyNeed() {
			plan := Advise(Choice{platform, needs, "", server, true, upstream, publicAPI, false, "", ""})
			var ticked, entered []string
			post := false
			for _, step := range plan.Form {
				post = post || step.Title == "Stack Apps post"
				for _, f := range step.Fields {
					switch f.Do {
					case Tick:
						ticked = append(ticked, f.Name)
					case Enter:
						entered = append(entered, f.Name+"="+f.Value)
					}
				}
			}
			if want := []string{"I agree to the terms and conditions", pkce}; !slices.Equal(ticked, want) {
				t.Errorf("%s %v: ticks %q", platform, needs, ticked)
			}
			if want := []string{"OAuth domain=auth.example.org"}; !slices.Equal(entered, want) {
				t.Errorf("%s %v: enters %q", platform, needs, entered)
			}
			if post != slices.Contains(needs, Write) {
				t.Errorf("%s %v: a post: %t", platform, needs, post)
			}
			if got := len(strings.Fields(plan.Scope)); got != len(needs) {
				t.Errorf("%s %v: scope %q", platform, needs, plan.Scope)
			}
		}
	}
}

func TestFlows(t *testing.T) {
	for _, tt := range []struct {
		platform Platform
		oauth    bool
		want     FlowName
		value    string
	}{
		{Desktop, true, Loopback, "http://127.0.0.1:8123/callback"},
		{CommandLine, true, Loopback, "https://auth.example.org:8443/oauth/authorize"},
		{Script, true, Device, "https://auth.example.org:8443/oauth/device_authorization"},
		{BrowserExtension, true, Relay, "https://auth.example.org:8443/auth/redirect"},
		{Mobile, true, PrivateScheme, "com.example.app:/callback"},
		{Script, false, Relay, "https://stackoverflow.com/oauth"},
		{"", true, Loopback, "https://auth.example.org:8443/oauth/token"},
	} {
		flow := Advise(Choice{tt.platform, []Need{Private, Inbox}, "", server, tt.oauth, upstream, publicAPI, false, "", ""}).Flow
		var values []string
		for _, f := range flow.Values {
			values = append(values, f.Value)
		}
		if flow.Name != tt.want || !slices.Contains(values, tt.value) || !slices.Contains(values, "read_inbox private_info") {
			t.Errorf("%+v: %s with %q", tt, flow.Name, values)
		}
	}
}

// TestAlso: notes are for those that they concern.
func TestAlso(t *testing.T) {
	local := &url.URL{Scheme: "http", Host: "localhost:8080"}
	for _, tt := range []struct {
		choice Choice
		want   []string // the beginnings
	}{
		{Choice{Desktop, nil, "", server, true, upstream, publicAPI, false, "", ""}, nil},
		{Choice{CommandLine, nil, "", server, true, upstream, publicAPI, false, "", ""}, []string{"Where the browser is"}},
		{Choice{Script, nil, "", server, true, upstream, publicAPI, false, "", ""}, []string{"A person opens", "The token lives for a day"}},
		{Choice{Script, []Need{NoExpiry}, "", server, true, upstream, publicAPI, false, "", ""}, []string{"A person opens", "A token without expiry"}},
		{Choice{Desktop, nil, "", server, false, upstream, publicAPI, false, "", ""}, []string{"This server is reached over plain http"}},
		{Choice{Desktop, nil, "", local, true, upstream, publicAPI, false, "", ""}, []string{"With this OAuth domain"}},
	} {
		got := Advise(tt.choice).Also
		if len(got) != len(tt.want) {
			t.Errorf("%+v: %q", tt.choice, got)
			continue
		}
		for i, note := range got {
			if !strings.HasPrefix(note, tt.want[i]) {
				t.Errorf("%+v: %q", tt.choice, got)
			}
		}
	}
}

// TestCommand signs in with what the author has chosen.
func TestCommand(t *testing.T) {
	for _, tt := range []struct {
		choice Choice
		want   string
	}{
		{
			Choice{Desktop, []Need{Inbox, Private}, "12345", server, true, upstream, publicAPI, false, "", ""},
			"dss login --server https://auth.example.org:8443 --client-id 12345 --scope read_inbox,private_info | dss whoami -",
		},
		{Choice{Mobile, nil, "", server, true, upstream, publicAPI, false, "", ""}, "dss login --server https://auth.example.org:8443 --client-id CLIENT_ID | dss whoami -"},
		{
			Choice{Desktop, nil, "7", &url.URL{Scheme: "http", Host: "localhost:8080"}, true, upstream, publicAPI, false, "", ""},
			"dss login --server http://localhost:8080 --client-id 7 | dss whoami - --server http://localhost:8080",
		},
		{Choice{Desktop, nil, "", server, false, upstream, publicAPI, false, "", ""}, ""},
	} {
		got := ""
		for _, f := range Advise(tt.choice).Flow.Values {
			if strings.HasPrefix(f.Value, "dss ") {
				got = f.Value
			}
		}
		if got != tt.want {
			t.Errorf("%s, want %s", got, tt.want)
		}
	}
}

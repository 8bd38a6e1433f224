package api

import "slices"

// ScopeTeam is the scope for one private team, which follows a bar, as in
// access_team|stackoverflow.com/c/NAME. In Stack Internal Enterprise it stands
// alone, and the user picks the team.
const ScopeTeam = "access_team"

// CommonScopes are the scopes of Stack Exchange that apps ask for most. It must
// not be changed. https://api.stackexchange.com/docs/authentication#scope lists
// them. Without any scope, a token identifies its user.
var CommonScopes = []string{
	"read_inbox",   // the global inbox and the notifications
	"no_expiry",    // a token that lives until the user takes it back, not for a day
	"write_access", // to post, edit, vote, flag and comment; the app needs a post on Stack Apps, too
	"private_info", // the full history of reputation and achievements, and tag preferences
}

// Scopes are all that are known. It must not be changed. Others may be valid, too:
// Stack Exchange decides. For each, internal/web/text/en.json has a sentence for
// users.
var Scopes = slices.Concat(CommonScopes, []string{
	"manage_collective_recommendations", // to recommend answers in Collectives; named only at its methods
	"manage_collective_reports",         // to create and read reports on Collectives
	ScopeTeam,                           // to read one team
})

package stackexchange

import "net/url"

// Authorization is an authorization request of the code grant with PKCE
// (RFC 6749 §4.1.1, RFC 7636 §4.3). CodeChallenge is an S256 one. Scope may be
// empty: even so the user is identified.
type Authorization struct{ ClientID, Scope, RedirectURI, State, CodeChallenge string }

// AuthorizeURL returns where to send the browser. It calls nobody.
func (c *Client) AuthorizeURL(a Authorization) string {
	query := url.Values{
		"client_id":             {a.ClientID},
		"redirect_uri":          {a.RedirectURI},
		"state":                 {a.State},
		"code_challenge":        {a.CodeChallenge},
		"code_challenge_method": {"S256"},
	}
	if a.Scope != "" {
		query.Set("scope", a.Scope)
	}
	target := c.base.JoinPath("oauth")
	target.RawQuery = query.Encode()
	return target.String()
}

package httpapi

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/oauth"
	"github.com/desktop-stack-serv/dss/internal/origin"
	"github.com/desktop-stack-serv/dss/internal/secret"
	"github.com/desktop-stack-serv/dss/internal/site"
)

// postOAuthToken serves POST /oauth/token.
func (s *Server) postOAuthToken(w http.ResponseWriter, r *http.Request) error {
	form, from, err := oauthForm(w, r, "grant_type", "code", "code_verifier", "redirect_uri", "device_code")
	rec := w.(*record)
	rec.polls = form.get("grant_type") == api.GrantDeviceCode
	if err == nil {
		s.findApp(rec, from.id)
		err = s.limits.Exchange(rec.client, rec.factor())
	}
	if err != nil {
		return err
	}
	mayRedeem := func(grant oauth.Grant, names ...string) error {
		return cmp.Or(require(from, form, names...), s.permit(rec, from.id, grant, nil))
	}
	var token oauth.Token
	switch form.get("grant_type") {
	case api.GrantAuthorizationCode:
		if err = mayRedeem(oauth.CodeGrant, "code", "code_verifier"); err == nil {
			token, err = s.grants.Redeem(rec, oauth.Exchange{
				ClientID: from.id, RedirectURI: form.get("redirect_uri"),
				Code: secret.New(form.get("code")), Verifier: secret.New(form.get("code_verifier")),
			})
		}
	case api.GrantDeviceCode:
		if err = mayRedeem(oauth.DeviceGrant, "device_code"); err == nil {
			token, err = s.grants.Poll(rec, oauth.Poll{
				ClientID: from.id, DeviceCode: secret.New(form.get("device_code")), Basic: from.basic,
			})
		}
	case "":
		err = missing("grant_type")
	default:
		err = &problem{name: api.UnsupportedGrantType}
	}
	if err != nil {
		return err
	}
	w.Header().Set("Pragma", "no-cache") // RFC 6749 section 5.1
	return writeJSON(w, http.StatusOK, api.AccessToken{
		AccessToken: token.AccessToken.Reveal(), TokenType: "Bearer",
		ExpiresIn: int64(token.Expires.Seconds()), Scope: token.Scope,
	})
}

// postRevoke serves POST /oauth/revoke (RFC 7009): it ends the token at Stack
// Exchange, or the sign-in of a device code or an end code. An unknown token has ended already.
func (s *Server) postRevoke(w http.ResponseWriter, r *http.Request) error {
	form, from, err := oauthForm(w, r, "token")
	if err != nil {
		return err
	}
	if !form.has("token") {
		return missing("token")
	}
	token, rec := secret.New(form.get("token")), recordOf(r.Context())
	rec.about("token", "", token)
	if from.id != "" {
		s.findApp(rec, from.id)
	}
	switch {
	case oauth.IsDeviceCode(token.Reveal()):
		err = s.grants.Revoke(r.Context(), from.id, token)
	case oauth.IsEndCode(token.Reveal()):
		err = s.grants.End(r.Context(), from.id, token)
	default:
		_, err = s.upstream.Invalidate(r.Context(), token)
	}
	if err != nil {
		return err
	}
	s.happened(r.Context(), Event{Name: EventRevocation, Outcome: Ended})
	return writeJSON(w, http.StatusOK, struct{}{})
}

// oauthForm returns the parameters of a POST to the OAuth server that have one of
// names, or identify the client, which it returns too. Those without a value count
// as left out, and all others are ignored (RFC 6749 section 3.2).
func oauthForm(w http.ResponseWriter, r *http.Request, names ...string) (form params, from client, err error) {
	names = append(append(make([]string, 0, 8), names...), "client_id", "client_secret")
	if form, err = readForm(w, r, names...); err != nil {
		return nil, client{}, err
	}
	form = slices.DeleteFunc(form, func(p param) bool { return p.value == "" })
	from, err = clientOf(r, form)
	return form, from, err
}

// client is the sender of a request to the OAuth server. All clients are public.
type client struct {
	id    string
	basic bool // it came with HTTP Basic authentication
}

// clientOf reads the client's id from the form, or from HTTP Basic
// authentication with an empty password (RFC 6749 section 2.3.1).
func clientOf(r *http.Request, form params) (client, error) {
	if form.has("client_secret") {
		return client{}, errSecret
	}
	if r.Header.Get("Authorization") == "" {
		return client{id: form.get("client_id")}, nil
	}
	user, password, ok := r.BasicAuth()
	id, err := url.QueryUnescape(user)
	switch {
	case !ok || err != nil || id == "":
		return client{}, &problem{
			name: api.InvalidClient, detail: "the Authorization header is not HTTP Basic with a client_id",
		}
	case password != "":
		return client{}, errSecret
	case form.has("client_id") && form.get("client_id") != id:
		return client{}, invalid("client_id differs from the one in the Authorization header")
	}
	return client{id, true}, nil
}

var errSecret = &problem{name: api.InvalidClient, detail: "clients here are public: send no client secret"}

func missing(name string) error { return invalid(name + " is missing") }

// require returns an error that names the first missing parameter.
func require(from client, form params, names ...string) error {
	if from.id == "" {
		return missing("client_id")
	}
	for _, name := range names {
		if !form.has(name) {
			return missing(name)
		}
	}
	return nil
}

// getMetadata serves RFC 8414's document.
func (s *Server) getMetadata(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, s.metadata())
}

// getOpenIDMetadata serves the same to clients that read only what OpenID
// Connect Discovery 1.0 section 3 names, with the member that it requires to
// say that there are no ID tokens.
func (s *Server) getOpenIDMetadata(w http.ResponseWriter, _ *http.Request) error {
	m := s.metadata()
	m.IDTokenSigningAlgsSupported = []string{}
	return writeJSON(w, http.StatusOK, m)
}

func (s *Server) metadata() api.Metadata {
	at := func(path string) string { return s.config.PublicURL.String() + path }
	m := api.Metadata{
		Issuer:                      s.config.PublicURL.String(),
		AuthorizationEndpoint:       at(api.PathAuthorize),
		TokenEndpoint:               at(api.PathOAuthToken),
		DeviceAuthorizationEndpoint: at(api.PathDeviceAuthorization),
		RevocationEndpoint:          at(api.PathRevoke),
		JWKSURI:                     at(api.PathJWKS),
		ScopesSupported:             api.CommonScopes,
		ResponseTypesSupported:      []string{"code"},
		ResponseModesSupported:      []string{"query"},
		GrantTypesSupported:         []string{api.GrantAuthorizationCode, api.GrantDeviceCode},
		CodeChallengeMethods:        []string{"S256"},
		TokenAuthMethods:            []string{"none"},
		RevocationAuthMethods:       []string{"none"},
		AuthorizationResponseIss:    true,
		SubjectTypesSupported:       []string{"public"},
		ServiceDocumentation:        at(site.DocsPath),
		OpPolicyURI:                 at(pathPrivacy),
		OpTOSURI:                    s.config.Operator.URL,
		UILocalesSupported:          s.config.Languages.Tags(),
		RedeemValuesSupported:       []string{api.RedeemDirect},
		ResultPagesSupported:        []string{"done", "denied", "failed"},
		StackExchange:               s.upstream.BaseURL().String(),
	}
	if s.config.Sandbox != nil && origin.IsLoopback(s.config.PublicURL.Hostname()) {
		m.Sandbox = at("/sandbox")
		if address := s.upstream.APIURL().String(); address != m.Sandbox+"/2.3" {
			m.SandboxAPI = address
		}
	}
	return m
}

// jwks serves the key set that OpenID discovery has to name. Nothing is ever
// signed here.
func (s *Server) jwks(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, struct {
		Keys []string `json:"keys"`
	}{[]string{}})
}

package httpapi

import (
	"net/http"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/oauth"
	"github.com/desktop-stack-serv/dss/internal/origin"
)

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
		ScopesSupported:             oauth.Scopes,
		ResponseTypesSupported:      []string{"code"},
		ResponseModesSupported:      []string{"query"},
		GrantTypesSupported:         []string{api.GrantAuthorizationCode, api.GrantDeviceCode},
		CodeChallengeMethods:        []string{"S256"},
		TokenAuthMethods:            []string{"none"},
		RevocationAuthMethods:       []string{"none"},
		AuthorizationResponseIss:    true,
		SubjectTypesSupported:       []string{"public"},
		ServiceDocumentation:        at("/"),
	}
	if s.config.Sandbox != nil && origin.IsLoopback(s.config.PublicURL.Hostname()) {
		m.Sandbox = at("/sandbox")
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

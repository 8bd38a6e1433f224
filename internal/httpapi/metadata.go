package httpapi

import (
	"net/http"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/grant"
)

// metadata serves the discovery documents: the same one at both addresses.
func (s *Server) metadata(w http.ResponseWriter, _ *http.Request) {
	at := func(path string) string { return s.config.PublicURL.String() + path }
	_ = writeJSON(w, http.StatusOK, api.Metadata{
		Issuer:                      s.config.PublicURL.String(),
		AuthorizationEndpoint:       at(api.PathAuthorize),
		TokenEndpoint:               at(api.PathOAuthToken),
		DeviceAuthorizationEndpoint: at(api.PathDeviceAuthorization),
		RevocationEndpoint:          at(api.PathRevoke),
		JWKSURI:                     at(api.PathJWKS),
		ScopesSupported:             grant.Scopes,
		ResponseTypesSupported:      []string{"code"},
		ResponseModesSupported:      []string{"query"},
		GrantTypesSupported:         []string{api.GrantAuthorizationCode, api.GrantDeviceCode},
		CodeChallengeMethods:        []string{"S256"},
		TokenAuthMethods:            []string{"none"},
		RevocationAuthMethods:       []string{"none"},
		AuthorizationResponseIss:    true,
		SubjectTypesSupported:       []string{"public"},
		IDTokenSigningAlgsSupported: []string{}, // there are no ID tokens
		ServiceDocumentation:        at("/"),
	})
}

// jwks serves the key set that OpenID discovery has to name. Nothing is ever
// signed here.
func (s *Server) jwks(w http.ResponseWriter, _ *http.Request) {
	_ = writeJSON(w, http.StatusOK, struct {
		Keys []string `json:"keys"`
	}{[]string{}})
}

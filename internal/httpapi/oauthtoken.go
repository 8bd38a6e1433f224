package httpapi

import (
	"context"
	"net/http"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/oauth"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// postOAuthToken serves POST /oauth/token.
func (s *Server) postOAuthToken(w http.ResponseWriter, r *http.Request) {
	token, err := s.oauthToken(w, r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Pragma", "no-cache") // RFC 6749 section 5.1
	_ = writeJSON(w, http.StatusOK, api.AccessToken{
		AccessToken: token.AccessToken.Reveal(), TokenType: "Bearer",
		ExpiresIn: int64(token.Expires.Seconds()), Scope: token.Scope,
	})
}

func (s *Server) oauthToken(w http.ResponseWriter, r *http.Request) (oauth.Token, error) {
	form, err := oauthForm(w, r, "grant_type", "code", "code_verifier", "redirect_uri", "device_code")
	if err != nil {
		return oauth.Token{}, err
	}
	if form["grant_type"] == api.GrantDeviceCode {
		recordOf(r.Context()).polls = true
	}
	from, err := clientOf(r, form)
	if err == nil {
		err = s.limits.Exchange(recordOf(r.Context()).client)
	}
	if err != nil {
		return oauth.Token{}, err
	}
	switch form["grant_type"] {
	case api.GrantAuthorizationCode:
		return s.exchangeCode(r.Context(), from, form)
	case api.GrantDeviceCode:
		return s.pollDevice(r.Context(), from, form)
	case "":
		return oauth.Token{}, missing("grant_type")
	}
	return oauth.Token{}, &problem{name: api.UnsupportedGrantType}
}

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

func (s *Server) exchangeCode(ctx context.Context, from client, form params) (oauth.Token, error) {
	if err := require(from, form, "code", "code_verifier"); err != nil {
		return oauth.Token{}, err
	}
	return s.grants.Redeem(ctx, oauth.Exchange{
		ClientID: from.id, RedirectURI: form["redirect_uri"],
		Code: secret.New(form["code"]), Verifier: secret.New(form["code_verifier"]),
	})
}

func (s *Server) pollDevice(ctx context.Context, from client, form params) (oauth.Token, error) {
	if err := require(from, form, "device_code"); err != nil {
		return oauth.Token{}, err
	}
	return s.grants.Poll(ctx, oauth.Poll{
		ClientID: from.id, DeviceCode: secret.New(form["device_code"]), Basic: from.basic,
	})
}

package httpapi

import (
	"net/http"

	"github.com/desktop-stack-serv/dss/internal/oauth"
	"github.com/desktop-stack-serv/dss/internal/secret"
)

// postRevoke serves POST /oauth/revoke (RFC 7009): it ends the token at Stack
// Exchange, or the sign-in of a device code. What nobody knows is ended already.
func (s *Server) postRevoke(w http.ResponseWriter, r *http.Request) {
	if err := s.revoke(w, r); err != nil {
		s.fail(w, r, err)
		return
	}
	_ = writeJSON(w, http.StatusOK, struct{}{})
}

func (s *Server) revoke(w http.ResponseWriter, r *http.Request) error {
	form, err := oauthForm(w, r, "token")
	if err != nil {
		return err
	}
	from, err := clientOf(r, form)
	if err != nil {
		return err
	}
	if !form.has("token") {
		return missing("token")
	}
	token := secret.New(form["token"])
	recordOf(r.Context()).about("token", "", token)
	if oauth.IsDeviceCode(token.Reveal()) {
		err = s.grants.Revoke(r.Context(), from.id, token)
	} else {
		_, err = s.upstream.Invalidate(r.Context(), token)
	}
	if err != nil {
		return err
	}
	s.happened(r.Context(), Event{Name: EventRevocation, Outcome: Ended})
	return nil
}

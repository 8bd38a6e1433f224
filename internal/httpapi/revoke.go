package httpapi

import (
	"errors"
	"net/http"

	"github.com/desktop-stack-serv/dss/internal/relay"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

// postRevoke serves POST /oauth/revoke (RFC 7009): it ends the token at Stack
// Exchange. A token that nobody knows is ended already.
func (s *Server) postRevoke(w http.ResponseWriter, r *http.Request) {
	if err := s.revoke(w, r); err != nil {
		s.failOAuth(w, r, err)
		return
	}
	_ = writeJSON(w, http.StatusOK, struct{}{})
}

func (s *Server) revoke(w http.ResponseWriter, r *http.Request) error {
	form, err := oauthForm(w, r, "token")
	if err != nil {
		return err
	}
	if _, err := clientOf(r, form); err != nil {
		return err
	}
	if !form.has("token") {
		return missing("token")
	}
	token := relay.NewSecret(form["token"])
	remember(r.Context(), "token", "", token)
	_, err = s.upstream.Invalidate(r.Context(), token)
	if err == nil {
		s.happened(r.Context(), Event{Name: EventRevocation, Outcome: Ended})
	}
	var refused *stackexchange.RefusedError
	if errors.As(err, &refused) {
		s.log.WarnContext(r.Context(), "Stack Exchange refused to end a token", "type", refused.Type)
		return stackexchange.ErrUnavailable
	}
	return err
}

package httpapi

import (
	"net/http"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/relay"
)

// keySpace finds the app a request is about: by host, by path, by parameter.
// All that name one must agree.
func (s *Server) keySpace(r *http.Request, p params) (relay.KeySpace, error) {
	named := make([]string, 0, 3)
	if request := aboutOf(r.Context()); request != nil && request.app != "" {
		named = append(named, request.app)
	}
	if app := r.PathValue("appid"); app != "" {
		named = append(named, app)
	}
	if app, ok := p["appid"]; ok {
		named = append(named, app)
	}
	if len(named) == 0 {
		return relay.DefaultKeySpace, nil
	}
	for _, app := range named[1:] {
		if app != named[0] {
			return "", &problem{name: api.InvalidAppID, detail: "the host, the path and the appid parameter name different apps"}
		}
	}
	return relay.ParseKeySpace(named[0])
}

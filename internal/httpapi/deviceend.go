package httpapi

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/oauth"
	"github.com/desktop-stack-serv/dss/internal/web"
)

// deviceResults are the results of the device grant.
var deviceResults = []web.EndView{
	web.EndFinished, web.EndRefused, web.EndTrouble, web.EndTurnedAway, web.EndDeclined, web.EndUnused, web.EndEnded,
	web.EndUnended, web.EndOver,
}

// deviceURL returns the address of the page that says how a device's sign-in went,
// with the receipt of one that is under way.
func (s *Server) deviceURL(view web.EndView, receipt string) string {
	return s.config.PublicURL.String() + deviceResultPath(view, receipt) + "#"
}

func deviceResultPath(view web.EndView, receipt string) string {
	target := api.PathDevice + "/" + string(view)
	if receipt != "" {
		target += "?sign_in=" + url.QueryEscape(receipt)
	}
	return target
}

// getDeviceResult serves GET /device/{result}.
func (s *Server) getDeviceResult(w http.ResponseWriter, r *http.Request) error {
	p, err := readParams("query", r.URL.RawQuery, "sign_in")
	if err != nil {
		return err
	}
	data := web.EndData{View: web.EndView(r.PathValue("result"))}
	switch {
	case !slices.Contains(deviceResults, data.View):
		return s.notFound(w, r)
	case data.View != web.EndFinished:
	case p.get("sign_in") == "":
		data.View = web.EndNothing
	default:
		data, err = s.followDevice(r, p.get("sign_in"))
	}
	switch {
	case errors.Is(err, oauth.ErrWrongBrowser) && !wantsJSON(r):
		return s.notOwn(w, r)
	case err != nil:
		return err
	}
	return s.sendEnd(w, r, http.StatusOK, data)
}

// followDevice returns what has become of a device's sign-in.
func (s *Server) followDevice(r *http.Request, receipt string) (web.EndData, error) {
	if err := s.asksItself(r); err != nil {
		return web.EndData{}, err
	}
	f, err := s.grants.Follow(r.Context(), receipt, s.flowBrowser(r))
	if err != nil {
		return web.EndData{}, err
	}
	data := follow(deviceViews[f.Progress], f.Approved, f.Expires)
	data.Address = deviceResultPath(web.EndFinished, receipt)
	if data.Follow {
		data.Receipt = receipt
	}
	if f.ClientID != "" {
		data.App = s.appOnPage(s.findApp(recordOf(r.Context()), f.ClientID))
	}
	return data, nil
}

var deviceViews = map[oauth.Progress]web.EndView{
	oauth.Waiting: web.EndWaiting, oauth.PickedUp: web.EndFinished, oauth.Expired: web.EndExpired,
	oauth.Unused: web.EndUnused, oauth.Undone: web.EndEnded, oauth.Unended: web.EndUnended,
	oauth.NotTaken: web.EndRejected,
}

// postDeviceResult serves POST /device/finished: the user did not start the sign-in.
// If the device has its token by then, only Stack Exchange can end that.
func (s *Server) postDeviceResult(w http.ResponseWriter, r *http.Request) error {
	if err := s.sameOrigin(r); err != nil {
		return err
	}
	if r.PathValue("result") != string(web.EndFinished) {
		return s.notFound(w, r)
	}
	form, err := readForm(w, r, "sign_in", "decision")
	switch {
	case err != nil:
		return err
	case form.get("decision") != "cancel":
		return invalid("decision must be cancel")
	}
	how, err := s.grants.Stop(r.Context(), form.get("sign_in"), s.flowBrowser(r))
	if err != nil {
		return err
	}
	view := deviceViews[how]
	if how == oauth.PickedUp {
		view = web.EndUnended
	}
	return seeOther(w, s.deviceURL(view, ""))
}

package httpapi

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/relay"
	"github.com/desktop-stack-serv/dss/internal/web"
)

// The pages about the end of a sign-in. The address of the one that follows it has a
// receipt, which is of no use without the browser's cookie. Its script asks the same
// address for JSON.

// pathResult begins the addresses of the relay's results.
const pathResult = "/auth/result/"

// relayResults are those that need no receipt.
var relayResults = []web.EndView{
	web.EndFinished, web.EndSent, web.EndContended, web.EndRefused, web.EndTrouble, web.EndTurnedAway, web.EndUnused,
	web.EndEnded, web.EndUnended, web.EndDeclined,
}

// resultURL returns the path of a result of the relay, with the receipt of the
// deposit, if there is one.
func resultURL(view web.EndView, space relay.KeySpace, receipt string) string {
	target, mark := pathResult+string(view), "?"
	if receipt != "" { // has letters, digits, - and _, as key spaces have
		target, mark = target+"?sign_in="+receipt, "&"
	}
	if space != relay.DefaultKeySpace {
		target += mark + "appid=" + string(space)
	}
	return target
}

// getResult serves GET /auth/result/{result}.
func (s *Server) getResult(w http.ResponseWriter, r *http.Request) error {
	p, err := readParams("query", r.URL.RawQuery, "sign_in", "appid")
	if err != nil {
		return err
	}
	view := web.EndView(r.PathValue("result"))
	if !slices.Contains(relayResults, view) {
		return s.notFound(w, r)
	}
	space, err := namedSpace(recordOf(r.Context()), r, p)
	if err != nil {
		return err
	}
	data := web.EndData{View: view}
	if view == web.EndFinished {
		data, space, err = s.followDeposit(r, p.get("sign_in"), space)
	}
	switch {
	case errors.Is(err, relay.ErrReceipt) && !wantsJSON(r):
		return s.notOwn(w, r)
	case err != nil:
		return err
	}
	data.App = s.appOnPage(s.config.Apps.ByAppID(string(space)))
	data.Address = resultURL(view, space, p.get("sign_in"))
	return s.sendEnd(w, r, http.StatusOK, data)
}

// followDeposit returns what has become of a deposit, and its key space.
func (s *Server) followDeposit(r *http.Request, receipt string, space relay.KeySpace) (
	web.EndData, relay.KeySpace, error,
) {
	if receipt == "" {
		return web.EndData{View: web.EndNothing}, space, nil
	}
	if err := s.asksItself(r); err != nil {
		return web.EndData{}, space, err
	}
	f, err := s.relay.Follow(r.Context(), receipt, s.knownBrowser(r))
	if err != nil {
		return web.EndData{}, space, err
	}
	return follow(progressViews[f.Progress], f.Deposited, f.Expires), f.Space, nil
}

var progressViews = map[relay.Progress]web.EndView{
	relay.Waiting: web.EndWaiting, relay.PickedUp: web.EndFinished, relay.Expired: web.EndExpired,
	relay.Refused: web.EndDeclined, relay.Contended: web.EndContended,
}

// follow returns what a page shows of a sign-in that has been under way since a time.
func follow(view web.EndView, since, expires time.Time) web.EndData {
	data := web.EndData{View: view}
	if view != web.EndWaiting {
		return data
	}
	data.Follow = true
	data.Minutes = minutesUntil(expires)
	if time.Since(since) >= web.LateAfter {
		data.View = web.EndLate
	}
	return data
}

// minutesUntil returns how many minutes are left, at least 1.
func minutesUntil(expires time.Time) int {
	return max(1, int((time.Until(expires)+time.Minute-1)/time.Minute))
}

// sendEnd sends a result: a page, or its name to the script of such a page.
func (s *Server) sendEnd(w http.ResponseWriter, r *http.Request, status int, data web.EndData) error {
	if wantsJSON(r) {
		dataHeaders.replace(w.Header())
		return writeJSON(w, http.StatusOK, struct {
			Result web.EndView `json:"result"`
		}{data.View})
	}
	data.AuthorizedAppsURL = s.config.AuthorizedAppsURL
	return s.page(w, r, status, data)
}

// notOwn answers a browser that has lost the cookie of a sign-in, or asks for another
// browser's.
func (s *Server) notOwn(w http.ResponseWriter, r *http.Request) error {
	recordOf(r.Context()).problem = api.WrongBrowser
	return s.sendEnd(w, r, http.StatusNotFound, web.EndData{View: web.EndNothing})
}

// asksItself refuses the scripts of other sites, and everything else that a page loads
// as a part of itself. Browsers without Fetch Metadata send nothing to go by; they
// send no cookie either, as it is SameSite.
func (s *Server) asksItself(r *http.Request) error {
	switch {
	case !wantsJSON(r):
		return navigates(r)
	case r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == "":
		return nil
	}
	return s.sameOrigin(r)
}

// wantsJSON reports whether the script of a page asks.
func wantsJSON(r *http.Request) bool { return r.Header.Get("Accept") == "application/json" }

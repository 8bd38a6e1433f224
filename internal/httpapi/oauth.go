package httpapi

import (
	"net/http"
	"net/url"

	"github.com/desktop-stack-serv/dss/api"
)

// oauthForm are the parameters of a POST to the OAuth server that its endpoint
// reads: those with one of names, and the client's. Those without a value count
// as left out, and all others are ignored (RFC 6749 section 3.2).
func oauthForm(w http.ResponseWriter, r *http.Request, names ...string) (params, error) {
	names = append(names, "client_id", "client_secret")
	if err := refuseInQuery(r, names...); err != nil {
		return nil, err
	}
	body, err := formBody(w, r)
	if err != nil {
		return nil, err
	}
	form, err := readParams("body", body, names...)
	if err != nil {
		return nil, err
	}
	for name, value := range form {
		if value == "" {
			delete(form, name)
		}
	}
	return form, nil
}

// client is who sends a request to the OAuth server. All clients are public.
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
		return client{id: form["client_id"]}, nil
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
	case form.has("client_id") && form["client_id"] != id:
		return client{}, invalid("client_id differs from the one in the Authorization header")
	}
	return client{id, true}, nil
}

var errSecret = &problem{name: api.InvalidClient, detail: "clients here are public: send no client secret"}

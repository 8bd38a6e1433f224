package contract

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/display"
	"github.com/desktop-stack-serv/dss/internal/stackexchange"
)

// oauthErrors are the errors of a token endpoint by RFC 6749 section 5.2.
var oauthErrors = []string{
	"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope",
}

// tokenForm describes a token endpoint's answer; "" if it need not be Stack
// Exchange's. Whatever else has status 400 and an error is its answer too,
// because gateways have other statuses for what they refuse.
func (r reply) tokenForm() string {
	switch kind, message := r.nested(); {
	case kind != "" && message != "":
		if _, err := strconv.Atoi(kind); err == nil {
			return "an error with type, which is a number, and message"
		}
		return "an error with type and message"
	case r.errorID() != 0:
		return "an error of the API"
	case r.text("error_message") != "" && (r.Status == http.StatusBadRequest || r.Status == http.StatusOK):
		return "error_message"
	case slices.Contains(oauthErrors, r.text("error")) &&
		(r.Status == http.StatusBadRequest || r.Status == http.StatusUnauthorized):
		return "an error of OAuth (RFC 6749 section 5.2)"
	case r.text("access_token") != "":
		return "an access token"
	}
	names := slices.Sorted(maps.Keys(r.members))
	if r.Status == http.StatusBadRequest && slices.ContainsFunc(names, isErrorName) {
		return display.Cut(display.Clean("members "+strings.Join(names, ", ")), 200)
	}
	return ""
}

func isErrorName(name string) bool { return strings.HasPrefix(name, "error") }

func readRedemption(_ *checker, r reply) (seen, error) {
	form := r.tokenForm()
	if form == "" {
		return nil, notStackExchange{r}
	}
	allowed := map[string]string{"": "no", "*": "yes", inventedOrigin: "yes"}
	cors, ok := allowed[r.Header.Get("Access-Control-Allow-Origin")]
	if !ok {
		cors = "some"
	}
	return seen{"status": strconv.Itoa(r.Status), "form": form, "cors": cors}, nil
}

// readAuthorization takes any page: that Stack Exchange itself answers at this
// host is known from the probe before.
func readAuthorization(_ *checker, r reply) (seen, error) {
	redirect := "nowhere"
	if r.Location != nil {
		redirect = "elsewhere"
		if strings.HasPrefix(r.Location.String(), inventedOrigin) {
			redirect = "the redirect URI"
		}
	}
	return seen{"status": strconv.Itoa(r.Status), "redirect": redirect}, nil
}

func readInspection(_ *checker, r reply) (seen, error) { return readAPI(r) }

// readAPI reads what all answers of the API have.
func readAPI(r reply) (seen, error) {
	s := seen{}
	name, items := r.errorName(), r.items()
	switch {
	case name != "":
		s["error-status"] = strconv.Itoa(r.Status)
		s["answer"] = name
		s["error"] = r.present("error_id", "error_name", "error_message")
		return s, nil
	case items == nil:
		return nil, notStackExchange{r}
	}
	s["wrapper"] = r.present("items", "has_more", "quota_max", "quota_remaining")
	s["answer"] = "items"
	if len(items) == 0 {
		s["answer"] = "no items"
	}
	return s, nil
}

// present lists those of the names that the answer has.
func (r reply) present(names ...string) string {
	return strings.Join(slices.DeleteFunc(names, func(name string) bool { return r.members[name] == nil }), ", ")
}

// tokenUse says what the API did with a token, by the error for an invented one.
func (r reply) tokenUse() string {
	switch r.errorID() {
	case 0:
		return "accepted"
	case stackexchange.ErrorTokenRequired:
		return "ignored"
	case stackexchange.ErrorInvalidToken, stackexchange.ErrorDenied, stackexchange.ErrorCompromised:
		return "read"
	case stackexchange.ErrorKeyRequired:
		return "read, and a key is required"
	}
	return "refused"
}

func readHeaderToken(k *checker, r reply) (seen, error) {
	s, err := readAPI(r)
	if err != nil {
		return nil, err
	}
	s["token"] = r.tokenUse()
	if s["token"] == "read" {
		k.headerMessage = r.text("error_message")
	}
	return s, nil
}

// readQueryToken distinguishes an error about the token, which was read then,
// from one about its place, whose form is not known: it differs from the error
// for the same token in the header.
func readQueryToken(k *checker, r reply) (seen, error) {
	s, err := readAPI(r)
	if err != nil {
		return nil, err
	}
	s["token"] = r.tokenUse()
	if message := r.text("error_message"); s["token"] == "read" && k.headerMessage != "" && k.headerMessage != message {
		s["token"] = "refused"
	}
	return s, nil
}

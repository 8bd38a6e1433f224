package sandbox

import (
	"net/http"
	"strings"
)

// pair is a parameter of an authorization response.
type pair struct{ name, value string }

// deliver sends the browser to the redirect URI with the response: in the
// fragment (implicit grant) or the query (code grant), assembled by hand as
// Stack Exchange does, which net/url would not.
func deliver(w http.ResponseWriter, a authorization, response ...pair) {
	if text, ok := a.params["state"]; ok {
		state := pair{"state", text}
		if a.params["sandbox_order"] == "state_first" {
			response = append([]pair{state}, response...)
		} else {
			response = append(response, state)
		}
	}
	target := a.params["redirect_uri"]
	if a.params["sandbox_strip_query"] == "1" {
		target, _, _ = strings.Cut(target, "?")
	}
	switch {
	case !a.grantType.code:
		target += "#"
	case !strings.Contains(target, "?"):
		target += "?"
	case !strings.HasSuffix(target, "?"):
		target += "&"
	}
	target += encode(response)
	if a.params["sandbox_delivery"] == "script" {
		writePage(w, http.StatusOK, "interstitial.html", target)
		return
	}
	w.Header().Set("Location", target)
	w.WriteHeader(http.StatusFound)
}

func encode(response []pair) string {
	var parts []string
	for _, p := range response {
		parts = append(parts, p.name+"="+formEncode(p.value))
	}
	return strings.Join(parts, "&")
}

// formEncode encodes with lower-case hex digits and + for a space, and leaves
// ( ) and * as they are.
func formEncode(text string) string {
	const hex = "0123456789abcdef"
	var b strings.Builder
	for _, c := range []byte(text) {
		switch {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', strings.IndexByte("-_.!()*", c) >= 0:
			b.WriteByte(c)
		case c == ' ':
			b.WriteByte('+')
		default:
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

package sandbox

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
)

// pair is a parameter of an authorization response.
type pair struct{ name, value string }

// deliver sends the browser to the redirect URI with the response: in the
// fragment (implicit grant) or the query (code grant), assembled by hand as
// Stack Exchange does, which net/url would not.
func (s *Sandbox) deliver(w http.ResponseWriter, r *http.Request, a authorization, response ...pair) {
	target := a.params["redirect_uri"]
	if a.options[switchStripQuery] == "1" {
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
	target += encode(a.arrange(response), a.options)
	if a.options[switchDelivery] == "script" {
		writePage(w, http.StatusOK, "interstitial.html", s.userPage(r, target, "sandbox.back.title"))
		return
	}
	w.Header().Set("Location", target)
	w.WriteHeader(http.StatusFound)
}

// arrange adds the state to a response, and puts its members in order.
func (a authorization) arrange(response []pair) []pair {
	text, ok := a.params["state"]
	state := pair{"state", text}
	switch {
	case ok && a.options[switchOrder] == "state_first":
		response = slices.Insert(response, 0, state)
	case ok:
		response = append(response, state)
	}
	if a.options[switchOrder] == "shuffled" {
		rand.Shuffle(len(response), func(i, j int) { response[i], response[j] = response[j], response[i] })
	}
	return response
}

// encode writes the space between scopes as %20, unlike any other.
func encode(response []pair, o options) string {
	var parts []string
	for _, p := range response {
		value := formEncode(p.value)
		switch {
		case p.name == "scope":
			value = strings.ReplaceAll(value, "+", "%20")
		case p.name != "state" && o[switchParentheses] == "escaped":
			if start, ok := strings.CutSuffix(value, "))"); ok {
				value = start + "%29%29"
			}
		}
		parts = append(parts, p.name+"="+value)
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

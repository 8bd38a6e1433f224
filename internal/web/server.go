package web

import (
	"strings"
	"unicode/utf8"
)

// Server is what all pages say of the server.
type Server struct {
	Host    string // as in the address bar
	Service string // where users have their account: "Stack Overflow", or the host of Stack Internal
	Sandbox bool   // it has a sandbox in the place of that

	Operator    string // who runs it; "" if they do not say
	OperatorURL string
}

// Letters stand for an icon of the service, whose logo is not ours to show.
func (s Server) Letters() string {
	letters := ""
	for _, word := range strings.Fields(s.Service) {
		_, size := utf8.DecodeRuneInString(word)
		letters += word[:size]
	}
	return strings.ToUpper(letters)
}

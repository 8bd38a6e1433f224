package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	dss "github.com/desktop-stack-serv/dss"
)

// writeToken prints the result of a sign-in.
func writeToken(w io.Writer, output string, token *dss.Token) error {
	text := token.AccessToken.Reveal()
	switch output {
	case "json":
		return writeJSON(w, tokenAnswer(token))
	case "env":
		text = "DSS_TOKEN=" + quoteForShell(text)
	}
	_, err := fmt.Fprintln(w, text)
	return err
}

// tokenAnswer is what an OAuth server would answer (RFC 6749 section 5.1).
func tokenAnswer(token *dss.Token) any {
	answer := struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int64  `json:"expires_in,omitempty"`
		Scope       string `json:"scope"`
	}{token.AccessToken.Reveal(), "Bearer", 0, strings.Join(token.Scopes, " ")}
	if !token.Expires.IsZero() {
		answer.ExpiresIn = int64(time.Until(token.Expires).Round(time.Second).Seconds())
	}
	return answer
}

func writeJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// quoteForShell is for every POSIX shell.
func quoteForShell(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

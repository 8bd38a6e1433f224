package sandbox

// EncodeToken encodes a token as a redirect has it where parentheses are escaped.
func EncodeToken(token string) string {
	return encode([]pair{{"access_token", token}}, options{switchParentheses: "escaped"})
}

// SetMaxTokens bounds the tokens that s keeps.
func (s *Sandbox) SetMaxTokens(n int) { s.ledger.maxTokens = n }

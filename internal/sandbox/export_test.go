package sandbox

// SetMaxTokens bounds the tokens that s keeps.
func (s *Sandbox) SetMaxTokens(n int) { s.ledger.maxTokens = n }

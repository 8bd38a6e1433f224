package api

import "time"

// Times that a server and its clients rely on.
const (
	// DefaultTTL is how long a sign-in may take, unless the server's operator
	// says otherwise.
	DefaultTTL = 15 * time.Minute
	// RetryWindow is how long an answer that may have been lost can be fetched
	// again: by the holder of a key's verifier, after its claim.
	RetryWindow = 60 * time.Second
	// AnswerTime bounds how long the server takes for an answer, not counting
	// the wait that a claim asks for.
	AnswerTime = 15 * time.Second
)

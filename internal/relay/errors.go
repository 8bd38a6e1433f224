package relay

import "errors"

// The errors a caller chooses by. Each is wrapped with what exactly was wrong.
var (
	ErrNoKey            = errors.New("no key")
	ErrInvalidKey       = errors.New("invalid key")
	ErrInvalidKeySpace  = errors.New("invalid key space")
	ErrInvalidResponse  = errors.New("invalid response")
	ErrNoToken          = errors.New("nothing is stored under the key")
	ErrVerifierRequired = errors.New("the key is verifier-bound and no verifier was passed")
	ErrInvalidVerifier  = errors.New("the verifier does not belong to the key")
	ErrUnbound          = errors.New("the key is not verifier-bound and takes no verifier")
	ErrTooManyWaiters   = errors.New("too many clients are waiting")
)

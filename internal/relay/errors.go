package relay

import "errors"

// The errors a caller chooses by. Each is wrapped with what exactly was wrong.
var (
	ErrNoKey            = errors.New("no key")
	ErrInvalidKey       = errors.New("the key is not acceptable")
	ErrInvalidKeySpace  = errors.New("appid must be 1 to 64 of A-Z a-z 0-9 _ -")
	ErrInvalidResponse  = errors.New("the response cannot be stored")
	ErrNoToken          = errors.New("nothing is stored under the key")
	ErrVerifierRequired = errors.New("the key is verifier-bound and no verifier was passed")
	ErrInvalidVerifier  = errors.New("the verifier does not belong to the key")
	ErrUnbound          = errors.New("the key is not verifier-bound and takes no verifier")
	ErrTooManyWaiters   = errors.New("too many clients are waiting")
)

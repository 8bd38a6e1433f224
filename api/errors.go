package api

// Error names of the key relay, as in [ErrorResponse].
const (
	NoToken                = "no_token"
	NoKey                  = "no_key"
	AccessDenied           = "access_denied"
	KeyConflict            = "key_conflict"
	InvalidKey             = "invalid_key"
	InvalidAppID           = "invalid_appid"
	InvalidWait            = "invalid_wait"
	InvalidRequest         = "invalid_request"
	InvalidToken           = "invalid_token"
	VerifierRequired       = "verifier_required"
	InvalidVerifier        = "invalid_verifier"
	CrossOrigin            = "cross_origin"
	NoMethod               = "no_method"
	MethodNotAllowed       = "method_not_allowed"
	TooLarge               = "too_large"
	UnsupportedMediaType   = "unsupported_media_type"
	MisdirectedRequest     = "misdirected_request"
	ThrottleViolation      = "throttle_violation"
	InternalError          = "internal_error"
	TemporarilyUnavailable = "temporarily_unavailable"
)

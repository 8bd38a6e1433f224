package api

// Names of errors of the key relay, as in [ErrorResponse].
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

// Names of errors of the OAuth server, as in [OAuthError], that the key relay
// does not have (RFC 6749 sections 4.1.2.1 and 5.2, RFC 8628 section 3.5).
const (
	AuthorizationPending    = "authorization_pending"
	SlowDown                = "slow_down"
	ExpiredToken            = "expired_token"
	InvalidGrant            = "invalid_grant"
	InvalidClient           = "invalid_client"
	InvalidScope            = "invalid_scope"
	UnauthorizedClient      = "unauthorized_client"
	UnsupportedGrantType    = "unsupported_grant_type"
	UnsupportedResponseType = "unsupported_response_type"
	ServerError             = "server_error"
)

// Names of errors that only pages show.
const (
	NotFound       = "not_found"
	BadClient      = "bad_client"
	BadRedirectURI = "bad_redirect_uri"
	WrongBrowser   = "wrong_browser"
	UnknownSignIn  = "unknown_sign_in"
)

// Error is what the name of an error stands for.
type Error struct {
	// Status is that of the answer. The OAuth server answers 400 where it is
	// another one below 500 and a request has reached an endpoint.
	Status int
	// OAuth is the name that the OAuth server uses; "" means InvalidRequest.
	OAuth string
	// Message says what is wrong in a line. An answer may be more exact.
	Message string
}

// Errors is the table of all errors, by name. It must not be changed.
var Errors = map[string]Error{
	NoToken: {404, "", "nothing is stored under this key; " +
		"the user may not be done yet: ask again, or pass wait"},
	NoKey:                  {400, "", "pass the key that the app sent to Stack Exchange as state"},
	AccessDenied:           {403, AccessDenied, "access was denied"},
	KeyConflict:            {409, "", "two different responses were deposited under this key; start again with a new one"},
	InvalidKey:             {400, "", "the key is not acceptable"},
	InvalidAppID:           {400, "", "appid must be 1 to 64 of A-Z a-z 0-9 _ -"},
	InvalidWait:            {400, "", "wait must be whole seconds from 0 to 60"},
	InvalidRequest:         {400, InvalidRequest, "the request makes no sense"},
	InvalidToken:           {400, "", "the response cannot be stored"},
	VerifierRequired:       {400, "", "this key is verifier-bound: POST it with its verifier in a form body"},
	InvalidVerifier:        {403, "", "the verifier does not belong to this key; nothing was consumed"},
	CrossOrigin:            {403, "", "only a page of this server may do this"},
	NoMethod:               {404, "", "there is nothing at this path"},
	MethodNotAllowed:       {405, "", "this path does not take this method"},
	TooLarge:               {413, "", "the body is too large"},
	UnsupportedMediaType:   {415, "", "send the parameters as application/x-www-form-urlencoded"},
	MisdirectedRequest:     {421, "", "this server does not answer for the host you asked for; check --public-url"},
	ThrottleViolation:      {429, TemporarilyUnavailable, "too many requests: try again in a minute"},
	InternalError:          {500, ServerError, "something went wrong here; try again"},
	TemporarilyUnavailable: {503, TemporarilyUnavailable, "try again in a moment"},

	AuthorizationPending: {400, AuthorizationPending, "the user is not done yet"},
	SlowDown:             {400, SlowDown, "poll again, but less often"},
	ExpiredToken:         {400, ExpiredToken, "the device code has expired; start again"},
	InvalidGrant:         {400, InvalidGrant, "the code is not good"},
	InvalidClient:        {400, InvalidClient, "client_id must be a number, the app's client ID on Stack Apps"},
	InvalidScope:         {400, InvalidScope, "scope must be names separated by spaces or commas"},
	UnauthorizedClient:   {403, UnauthorizedClient, "the operator of this server does not let the app sign users in"},
	UnsupportedGrantType: {400, UnsupportedGrantType, "grant_type must be " + GrantAuthorizationCode +
		" or " + GrantDeviceCode},
	UnsupportedResponseType: {400, UnsupportedResponseType, "response_type must be code"},

	NotFound:       {404, "", "there is no page at this address"},
	BadClient:      {400, "", "client_id must be a number, the app's client ID on Stack Apps"},
	BadRedirectURI: {400, "", "redirect_uri is not acceptable"},
	WrongBrowser:   {403, "", "the sign-in was started in another browser"},
	UnknownSignIn:  {404, "", "there is no such sign-in, or it is over"},
}

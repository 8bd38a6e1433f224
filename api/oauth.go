package api

// Paths of the OAuth server.
const (
	PathMetadata            = "/.well-known/oauth-authorization-server" // RFC 8414
	PathOpenIDMetadata      = "/.well-known/openid-configuration"
	PathJWKS                = "/oauth/jwks"
	PathAuthorize           = "/oauth/authorize"
	PathCallback            = "/oauth/callback" // where Stack Exchange sends browsers back to
	PathDeviceAuthorization = "/oauth/device_authorization"
	PathDevice              = "/device"

	// Pages that say how a sign-in went. A listener on the user's machine sends
	// the browser there with a 303 once it has read the response.
	PathDone       = "/done"
	PathDenied     = "/denied"
	PathFailed     = "/failed"
	PathOAuthToken = "/oauth/token"
	PathRevoke     = "/oauth/revoke"
)

// RedeemDirect is the value of dss_redeem, DSS's own parameter of an authorization
// request, with which the app gets the code of Stack Exchange itself. It redeems it
// there, with the code verifier, and with [PathCallback] of the server as the
// redirect URI.
const RedeemDirect = "direct"

// EndPrefix begins the secret with which an app ends its sign-ins in the code grant, at
// [PathRevoke]: 43 characters follow. It sends the S256 of all that as dss_end, DSS's own
// parameter of an authorization request.
const EndPrefix = "end."

// Grant types of the OAuth server.
const (
	GrantAuthorizationCode = "authorization_code"
	GrantDeviceCode        = "urn:ietf:params:oauth:grant-type:device_code"
)

// AccessToken answers a token request (RFC 6749 section 5.1). ExpiresIn is in
// seconds, and absent for a token that never expires. Scope is absent where it
// is the set of scopes that was asked for; it may be empty.
type AccessToken struct {
	AccessToken string  `json:"access_token"`
	TokenType   string  `json:"token_type"`
	ExpiresIn   int64   `json:"expires_in,omitempty"`
	Scope       *string `json:"scope,omitempty"`
}

// DeviceAuthorization answers a device authorization request (RFC 8628 section
// 3.2). ExpiresIn and Interval are in seconds.
type DeviceAuthorization struct {
	DeviceCode              string `json:"device_code"`
	UserCode                string `json:"user_code"`
	VerificationURI         string `json:"verification_uri"`
	VerificationURIComplete string `json:"verification_uri_complete"`
	ExpiresIn               int64  `json:"expires_in"`
	Interval                int64  `json:"interval"`
	Message                 string `json:"message"`
}

// OAuthError is the body of every error of the OAuth server (RFC 6749 section
// 5.2).
type OAuthError struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
	// URI is where the error is explained. What an app gets while it waits has none.
	URI string `json:"error_uri,omitempty"`
}

// Metadata describes the OAuth server (RFC 8414 section 2), with the members
// that OpenID Connect Discovery 1.0 section 3 requires: some clients read only that
// document. A nil IDTokenSigningAlgsSupported is left out.
type Metadata struct {
	Issuer                      string   `json:"issuer"`
	AuthorizationEndpoint       string   `json:"authorization_endpoint"`
	TokenEndpoint               string   `json:"token_endpoint"`
	DeviceAuthorizationEndpoint string   `json:"device_authorization_endpoint"`
	RevocationEndpoint          string   `json:"revocation_endpoint"`
	JWKSURI                     string   `json:"jwks_uri"`
	ScopesSupported             []string `json:"scopes_supported"`
	ResponseTypesSupported      []string `json:"response_types_supported"`
	ResponseModesSupported      []string `json:"response_modes_supported"`
	GrantTypesSupported         []string `json:"grant_types_supported"`
	CodeChallengeMethods        []string `json:"code_challenge_methods_supported"`
	TokenAuthMethods            []string `json:"token_endpoint_auth_methods_supported"`
	RevocationAuthMethods       []string `json:"revocation_endpoint_auth_methods_supported"`
	AuthorizationResponseIss    bool     `json:"authorization_response_iss_parameter_supported"`
	SubjectTypesSupported       []string `json:"subject_types_supported"`
	IDTokenSigningAlgsSupported []string `json:"id_token_signing_alg_values_supported,omitzero"`
	ServiceDocumentation        string   `json:"service_documentation"`
	OpPolicyURI                 string   `json:"op_policy_uri"`
	OpTOSURI                    string   `json:"op_tos_uri,omitempty"`
	UILocalesSupported          []string `json:"ui_locales_supported"`
	// RedeemValuesSupported are the values that dss_redeem may have.
	RedeemValuesSupported []string `json:"dss_redeem_values_supported,omitempty"`
	// ResultPagesSupported are the pages that say how a sign-in went: done, denied
	// and failed.
	ResultPagesSupported []string `json:"dss_result_pages_supported,omitempty"`
	// StackExchange is where users sign in. A client compares it with its own
	// configuration before it asks for direct redemption, and sends nothing there.
	StackExchange string `json:"dss_stackexchange,omitempty"`
	// Sandbox is the fake Stack Exchange of a server on this machine, where users
	// sign in instead of at stackoverflow.com. Its API is SandboxAPI, or at 2.3
	// below it if that is empty. They are DSS's own members; clients trust them
	// only if they reach the server on this machine.
	Sandbox    string `json:"dss_sandbox,omitempty"`
	SandboxAPI string `json:"dss_sandbox_api,omitempty"`
}

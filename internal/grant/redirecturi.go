package grant

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

const maxRedirectURI = 2000 // bytes

var (
	// loopbackURI is the only form of a loopback redirect URI (RFC 8252
	// section 7.3): parts that url.Parse might read in another way than a
	// browser does are not in it.
	loopbackURI = regexp.MustCompile(`^http://(127\.0\.0\.1|\[::1\]|localhost)(?::([0-9]{1,5}))?(/[^?#]*)?(?:\?([^#]*))?$`)
	// privateURI has a scheme with a dot in it (RFC 8252 section 7.1).
	privateURI = regexp.MustCompile(`^([a-zA-Z][a-zA-Z0-9+-]*(?:\.[a-zA-Z0-9+-]+)+):(/[^?#]*|[a-zA-Z0-9][^?#]*)(?:\?([^#]*))?$`)
	// uriText is what RFC 3986 lets stand in a URI.
	uriText = regexp.MustCompile(`^(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$`)
)

// checkRedirectURI accepts loopback and private-use URIs.
func checkRedirectURI(text string) error {
	switch {
	case text == "":
		return fmt.Errorf("%w: it is missing", ErrInvalidRedirectURI)
	case len(text) > maxRedirectURI:
		return fmt.Errorf("%w: it is too long", ErrInvalidRedirectURI)
	case strings.Contains(text, "#"):
		return fmt.Errorf("%w: it has a fragment", ErrInvalidRedirectURI)
	case !uriText.MatchString(text):
		return fmt.Errorf("%w: it has characters that no URI may have", ErrInvalidRedirectURI)
	}
	if _, err := url.Parse(text); err != nil {
		return fmt.Errorf("%w: it cannot be parsed", ErrInvalidRedirectURI)
	}
	if match := loopbackURI.FindStringSubmatch(text); match != nil {
		return checkPort(match[2])
	}
	if privateURI.MatchString(text) {
		return nil
	}
	return fmt.Errorf("%w: it must be http on 127.0.0.1, [::1] or localhost, or have a private-use scheme with a dot in it", ErrInvalidRedirectURI)
}

func checkPort(port string) error {
	if port == "" {
		return nil
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 || port[0] == '0' {
		return fmt.Errorf("%w: its port is not a number from 1 to 65535", ErrInvalidRedirectURI)
	}
	return nil
}

// withParameters appends an authorization response to a redirect URI that
// checkRedirectURI has accepted.
func withParameters(redirectURI string, response url.Values) string {
	separator := "?"
	if strings.Contains(redirectURI, "?") {
		separator = "&"
		if strings.HasSuffix(redirectURI, "?") || strings.HasSuffix(redirectURI, "&") {
			separator = ""
		}
	}
	return redirectURI + separator + response.Encode() + noFragment
}

package site

import (
	"fmt"
	"strings"
	"time"
)

// Operator is who runs the server, as far as they say so.
type Operator struct {
	Name    string
	URL     string // https
	Contact string // mailto: or https, for reports of weaknesses
}

// expiry is how long a security.txt holds; RFC 9116 section 2.5.5 recommends less
// than a year.
const expiry = 180 * 24 * time.Hour

// SecurityText returns the server's security.txt (RFC 9116). It changes once a day.
func SecurityText(publicURL, contact string, now time.Time) string {
	expires := now.UTC().Truncate(24 * time.Hour).Add(expiry)
	return fmt.Sprintf(`Contact: %s
Expires: %s
Preferred-Languages: en
Canonical: %s/.well-known/security.txt
Policy: %[3]s/security
`, contact, expires.Format(time.RFC3339), publicURL)
}

// Robots returns the server's robots.txt (RFC 9309). Crawlers may read what is
// written for people, and have no business where users sign in.
func Robots(flows ...string) string {
	var out strings.Builder
	out.WriteString("User-agent: *\n")
	for _, path := range flows {
		out.WriteString("Disallow: " + path + "\n")
	}
	out.WriteString("Allow: /\n")
	return out.String()
}

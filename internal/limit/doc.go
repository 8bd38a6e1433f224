// Package limit bounds what one client, and all together, may ask of the
// server, so that a flood from one address leaves the others served and
// guessing is slow. The defaults are such that honest users never meet them:
// docs/limits.md derives each.
//
// A client is an IPv4 address or the /64 of an IPv6 address. What is known of
// clients is in memory, of bounded size: when the table is full, the client
// that is nearest to having its whole budget again is forgotten. Guesses are
// counted in the relay's store too, where several servers share it, so that
// they do not give several times the guesses.
package limit

// Package clientaddr finds out whose request it is when proxies stand in front
// of the server. It believes X-Forwarded-For and the PROXY protocol, and those
// only from networks that the operator has named; Forwarded, X-Real-IP and all
// other headers are never read, since not every proxy removes what a client
// has put there. What it returns is the address of a client or of the last
// proxy that can be trusted, never text that somebody made up.
package clientaddr

// Package certs finds the certificate for each TLS handshake: from two files
// that somebody else keeps ([Files]), or from a certificate authority that
// speaks ACME (RFC 8555), which it asks by itself ([ACME]).
//
// Private keys leave the process only into a [Storage]: a folder of the
// server's own, or the store that several servers share, sealed.
package certs

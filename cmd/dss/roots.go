package main

// The certificates of Mozilla's list of authorities, for a machine that has
// none of its own, such as an empty container. Those of the machine win.
import _ "golang.org/x/crypto/x509roots/fallback"

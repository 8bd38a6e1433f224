package dss

import "github.com/desktop-stack-serv/dss/internal/secret"

// Secret is text that shows itself only when its method Reveal is called. Every
// usual way to print, log or encode it gives "[redacted]".
type Secret = secret.Text

package httpapi

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"slices"

	"github.com/desktop-stack-serv/dss/api"
)

// audit writes a line for everything that came of requests. What a line is
// about, and who sent the request, stand there as hashes under a key that is
// in no log: equal ones are the same, and nothing leads back.
type audit struct {
	key []byte // nil writes nothing
	log *slog.Logger
}

// audited are the refusals that have a line: somebody tried what is not
// theirs to do, by mistake or not.
var audited = []string{
	api.CrossOrigin, api.InvalidGrant, api.InvalidVerifier, api.VerifierRequired, api.WrongBrowser,
}

// flooding are the refusals that come by the thousand. The request's own line
// says whose request it was, so that each has one line and not two.
var flooding = []string{api.MisdirectedRequest, api.ThrottleViolation}

// flooder is whose request was refused, for the request's line.
func (a audit) flooder(ctx context.Context, name string) []slog.Attr {
	if a.key == nil || !slices.Contains(flooding, name) {
		return nil
	}
	return a.who(ctx)
}

func (a audit) write(ctx context.Context, e Event) {
	if a.key == nil || e.Name == EventWait {
		return
	}
	attributes := []slog.Attr{slog.String("event", string(e.Name))}
	if e.Kind != "" {
		attributes = append(attributes, slog.String("kind", e.Kind))
	}
	attributes = append(attributes, slog.String("outcome", e.Outcome))
	inform(ctx, a.log, "audit", append(attributes, a.who(ctx)...)...)
}

// refused writes a line for an answer that is an error.
func (a audit) refused(ctx context.Context, name string) {
	if a.key == nil || !slices.Contains(audited, name) {
		return
	}
	attributes := append([]slog.Attr{slog.String("event", "refusal"), slog.String("outcome", name)}, a.who(ctx)...)
	inform(ctx, a.log, "audit", attributes...)
}

// who is what a line is about, if that is known, and whose request it was.
func (a audit) who(ctx context.Context) []slog.Attr {
	request := aboutOf(ctx)
	if request == nil {
		return nil
	}
	client := slog.String("client", a.hash("client", request.client.String()))
	if request.subject.IsZero() {
		return []slog.Attr{client}
	}
	return []slog.Attr{slog.String("subject", a.hash(request.kind+" "+string(request.space), request.subject.Reveal())), client}
}

// hash is the first 48 bits of an HMAC-SHA256 (RFC 2104).
func (a audit) hash(of, text string) string {
	mac := hmac.New(sha256.New, a.key)
	mac.Write([]byte(of + "\x00" + text))
	return hex.EncodeToString(mac.Sum(nil)[:6])
}

package storetest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"testing"

	"github.com/desktop-stack-serv/dss/internal/relay"
)

// Key returns text as a key.
func Key(t *testing.T, text string) relay.Key {
	t.Helper()
	key, err := relay.ParseKey(text, false)
	if err != nil {
		t.Fatalf("key: %v", err)
	}
	return key
}

// BoundKey returns a verifier and the key bound to it.
func BoundKey(t *testing.T) (relay.Key, relay.Verifier) {
	t.Helper()
	text := rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(text))
	return Key(t, relay.BoundPrefix+base64.RawURLEncoding.EncodeToString(sum[:])), relay.NewVerifier(text)
}

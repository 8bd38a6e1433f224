// Package relay is the domain of the key relay: an authorization response is
// deposited under a key that an app chose, and the app claims it, once.
//
// The package knows neither HTTP nor SQL. It validates keys and responses and
// holds the rules: who may claim, how long an entry lives, what happens when two
// responses meet under one key. Its entries are sealed records, see package
// sealed.
package relay

import (
	"crypto/rand"
	"errors"
	"time"

	"github.com/desktop-stack-serv/dss/api"
	"github.com/desktop-stack-serv/dss/internal/sealed"
)

// recheck is how often a waiting claim looks although nothing woke it, so that a
// lost notification is never a lost token.
const recheck = 10 * time.Second

// The errors a caller chooses by. Each is wrapped with what exactly was wrong.
var (
	ErrNoKey            = errors.New("no key")
	ErrInvalidKey       = errors.New("the key is not acceptable")
	ErrInvalidKeySpace  = errors.New("appid must be 1 to 64 of A-Z a-z 0-9 _ -")
	ErrInvalidResponse  = errors.New("the response cannot be stored")
	ErrNoToken          = errors.New("nothing is stored under the key")
	ErrStopped          = errors.New("the wait was stopped")
	ErrVerifierRequired = errors.New("the key is verifier-bound and no verifier was passed")
	ErrInvalidVerifier  = errors.New("the verifier does not belong to the key")
	ErrUnbound          = errors.New("the key is not verifier-bound and takes no verifier")
	ErrReceipt          = errors.New("the receipt is of another browser, or of none")
)

// Config configures a [Relay]. The zero value is the default.
type Config struct {
	TTL time.Duration // how long a deposit waits for its claim; 0 means [api.DefaultTTL]
	// Volatile says that the store loses its entries with the process, so that a
	// receipt of an earlier one says nothing.
	Volatile bool
}

// Relay hands each deposited response to one claimant. It is safe for
// concurrent use.
type Relay struct {
	vault    *sealed.Vault
	entries  sealed.Records[entry]
	reserved sealed.Records[entry] // has room for what was taken and comes back
	ttl      time.Duration
	receipts string // the purpose of their slots
}

// New returns a relay that keeps its entries in vault.
func New(vault *sealed.Vault, config Config) *Relay {
	r := &Relay{vault: vault, entries: records(vault), reserved: records(vault.Reserve()), ttl: config.TTL}
	r.receipts = "relay receipt"
	if config.Volatile {
		r.receipts += " " + rand.Text()
	}
	if r.ttl <= 0 {
		r.ttl = api.DefaultTTL
	}
	return r
}

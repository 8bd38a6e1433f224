package certs

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"golang.org/x/crypto/acme"
)

// The kinds of challenges that can be answered.
const (
	kindALPN = "tls-alpn-01"
	kindHTTP = "http-01"
)

// challengePrefix starts the storage's names of answers to challenges. No host
// has an underscore in its name, so none has its certificate under such a name.
const challengePrefix = "challenge_"

var errNoChallenge = errors.New("no such challenge")

// challengeToken is what RFC 8555 §8.3 has a token made of.
var challengeToken = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// prefer has a kind tried first from now on.
func (a *ACME) prefer(kind string) {
	i := slices.Index(a.kinds, kind)
	a.kinds[0], a.kinds[i] = a.kinds[i], a.kinds[0]
}

// publish stores the answer to a challenge, for whichever server is asked.
func (a *ACME) publish(ctx context.Context, client *acme.Client, challenge *acme.Challenge, name string) (remove func(), err error) {
	at, answer := challengePrefix+name, []byte(nil)
	if challenge.Type == kindHTTP {
		at = challengePrefix + challenge.Token
		answer, err = httpAnswer(client, challenge.Token)
	} else {
		answer, err = alpnAnswer(client, challenge.Token, name)
	}
	if err != nil {
		return nil, err
	}
	if err := a.config.Storage.Put(ctx, at, answer, challengeTime); err != nil {
		return nil, err
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectTime)
		defer cancel()
		_ = a.config.Storage.Delete(ctx, at) // or it expires
	}, nil
}

func httpAnswer(client *acme.Client, token string) ([]byte, error) {
	if !challengeToken.MatchString(token) {
		return nil, errors.New("the authority's challenge is malformed")
	}
	answer, err := client.HTTP01ChallengeResponse(token)
	return []byte(answer), err
}

func alpnAnswer(client *acme.Client, token, name string) ([]byte, error) {
	pair, err := client.TLSALPN01ChallengeCert(token, name)
	if err != nil {
		return nil, err
	}
	return encodePair(pair.PrivateKey, pair.Certificate)
}

// challengeCert is the answer to a TLS-ALPN-01 challenge for name.
func (a *ACME) challengeCert(ctx context.Context, name string) (*tls.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	data, ok, err := a.config.Storage.Get(ctx, challengePrefix+name)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, errNoChallenge
	}
	pair, err := tls.X509KeyPair(data, data)
	if err != nil {
		return nil, fmt.Errorf("answer to a challenge: %w", err)
	}
	return &pair, nil
}

// Challenge returns the answer to the HTTP-01 challenge with token, or ok as
// false if there is none.
func (a *ACME) Challenge(ctx context.Context, token string) (answer []byte, ok bool, err error) {
	if !challengeToken.MatchString(token) {
		return nil, false, nil
	}
	return a.config.Storage.Get(ctx, challengePrefix+token)
}

package certs

import (
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/acme"
)

// The kinds of challenges that can be answered.
const (
	kindALPN = "tls-alpn-01"
	kindHTTP = "http-01"
)

const (
	// proofTime bounds the proof by one kind of challenge.
	proofTime = 45 * time.Second
	// shortTime bounds what need not succeed, and what a handshake waits for.
	shortTime = 10 * time.Second
)

// challengePrefix starts the storage's names of answers to challenges. No host
// has an underscore in its name, so none has its certificate under such a name.
const challengePrefix = "challenge_"

var (
	errNoChallenge = errors.New("no such challenge")
	errNotOffered  = errors.New("the authority does not offer this kind of challenge")
)

// isChallengeToken reports whether text is what RFC 8555 §8.3 allows as a token.
func isChallengeToken(text string) bool {
	return text != "" && len(text) <= 128 && strings.Trim(text, inTokens) == ""
}

// inTokens are the characters of base64url.
const inTokens = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

// unproven reports whether another kind of challenge may do better.
func unproven(err error) bool {
	_, invalid := errors.AsType[*acme.AuthorizationError](err)
	return invalid || errors.Is(err, errNotOffered) || errors.Is(err, context.DeadlineExceeded)
}

// prove places an order and proves by one kind of challenge that the host is
// this server's.
func (a *ACME) prove(ctx context.Context, client *acme.Client, host, kind string) (*acme.Order, error) {
	order, err := client.AuthorizeOrder(ctx, acme.DomainIDs(host))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, proofTime)
	defer cancel()
	for _, url := range order.AuthzURLs {
		if err := a.authorize(ctx, client, url, host, kind); err != nil {
			return nil, err
		}
	}
	return client.WaitOrder(ctx, order.URI)
}

func (a *ACME) authorize(ctx context.Context, client *acme.Client, url, host, kind string) (err error) {
	authorization, err := client.GetAuthorization(ctx, url)
	if err != nil || authorization.Status == acme.StatusValid {
		return err
	}
	defer func() {
		if err != nil {
			withdraw(ctx, client, url)
		}
	}()
	i := slices.IndexFunc(authorization.Challenges, func(c *acme.Challenge) bool { return c.Type == kind })
	if i < 0 {
		return errNotOffered
	}
	challenge := authorization.Challenges[i]
	remove, err := a.publish(ctx, client, challenge, host)
	if err != nil {
		return err
	}
	defer remove()
	if _, err := client.Accept(ctx, challenge); err != nil {
		return err
	}
	_, err = client.WaitAuthorization(ctx, url)
	return err
}

// withdraw gives up an authorization that failed, so that it does not count as
// pending. If that fails too, the authority lets it expire.
func withdraw(ctx context.Context, client *acme.Client, url string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shortTime)
	defer cancel()
	authorization, err := client.GetAuthorization(ctx, url)
	if err == nil && authorization.Status == acme.StatusPending {
		_ = client.RevokeAuthorization(ctx, url)
	}
}

// publish stores the answer to a challenge, for any server to give.
func (a *ACME) publish(ctx context.Context, client *acme.Client, challenge *acme.Challenge, host string,
) (remove func(), err error) {
	name, answer, err := answerTo(client, challenge, host)
	if err != nil {
		return nil, err
	}
	if err := a.config.Storage.Put(ctx, name, answer, 10*time.Minute); err != nil {
		return nil, err
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shortTime)
		defer cancel()
		_ = a.config.Storage.Delete(ctx, name) // or it expires
	}, nil
}

// answerTo returns the answer to a challenge, and its name in the storage.
func answerTo(client *acme.Client, challenge *acme.Challenge, host string) (name string, answer []byte, err error) {
	if challenge.Type == kindHTTP {
		text, err := client.HTTP01ChallengeResponse(challenge.Token)
		return challengePrefix + challenge.Token, []byte(text), err
	}
	pair, err := client.TLSALPN01ChallengeCert(challenge.Token, host)
	if err != nil {
		return "", nil, err
	}
	answer, err = encodePair(pair.PrivateKey, pair.Certificate)
	return challengePrefix + host, answer, err
}

// challengeCert returns the answer to a TLS-ALPN-01 challenge for host.
func (a *ACME) challengeCert(ctx context.Context, host string) (*tls.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, shortTime)
	defer cancel()
	data, ok, err := a.config.Storage.Get(ctx, challengePrefix+host)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, errNoChallenge
	}
	pair, err := tls.X509KeyPair(data, data)
	return &pair, err
}

// Challenge returns the answer to the HTTP-01 challenge with token, or ok as
// false if there is none.
func (a *ACME) Challenge(ctx context.Context, token string) (answer []byte, ok bool, err error) {
	if !isChallengeToken(token) {
		return nil, false, nil
	}
	return a.config.Storage.Get(ctx, challengePrefix+token)
}

package certs

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"golang.org/x/crypto/acme"
)

// Bounds of a call.
const (
	callTime    = 30 * time.Second
	connectTime = 10 * time.Second
	// proofTime is how long one kind of challenge may take.
	proofTime = 45 * time.Second
	// maxRetries is how often one request is repeated within an order.
	maxRetries = 3
)

func newClient(roots *x509.CertPool) *http.Client {
	return &http.Client{
		Timeout:       callTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: connectTime}).DialContext,
			TLSHandshakeTimeout: connectTime,
			TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2:   true,
			IdleConnTimeout:     callTime,
		},
	}
}

// account is the storage's name of the account's key. It has no dot, so it is
// no host's.
const account = "account"

// client returns a client of the authority with an account there. It is a new
// one each time, so that an account the authority has lost is made again.
func (a *ACME) client(ctx context.Context) (*acme.Client, error) {
	client := &acme.Client{
		DirectoryURL: a.config.Directory, HTTPClient: a.http, UserAgent: a.config.UserAgent,
		RetryBackoff: func(n int, _ *http.Request, response *http.Response) time.Duration {
			if n > maxRetries || response.StatusCode == http.StatusTooManyRequests {
				return 0
			}
			return time.Duration(n) * time.Second
		},
	}
	err := a.locked(ctx, account, func(ctx context.Context) (err error) {
		client.Key, err = a.accountKey(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	contact := []string{"mailto:" + a.config.Email}
	_, err = client.Register(ctx, &acme.Account{Contact: contact}, acme.AcceptTOS)
	if err != nil && !errors.Is(err, acme.ErrAccountAlreadyExists) {
		return nil, fmt.Errorf("account at the authority: %w", err)
	}
	return client, nil
}

func (a *ACME) accountKey(ctx context.Context) (crypto.Signer, error) {
	data, ok, err := a.config.Storage.Get(ctx, account)
	if err != nil {
		return nil, err
	}
	if !ok {
		key, err := newKey()
		if err != nil {
			return nil, err
		}
		if data, err = encodeKey(key); err != nil {
			return nil, err
		}
	}
	key, err := decodeKey(data)
	if err != nil {
		return nil, fmt.Errorf("key of the account at the authority: %w", err)
	}
	// Storing it again prolongs its life.
	return key, a.config.Storage.Put(ctx, account, data, keepTime)
}

// order has the authority issue a certificate with a new key, and returns both
// in PEM. It tries one kind of challenge after the other.
func (a *ACME) order(ctx context.Context, name string) ([]byte, error) {
	client, err := a.client(ctx)
	if err != nil {
		return nil, err
	}
	var failure error
	for _, kind := range slices.Clone(a.kinds) {
		order, err := a.prove(ctx, client, name, kind)
		if err == nil {
			a.prefer(kind)
			return finalize(ctx, client, order, name)
		}
		if failure == nil {
			failure = fmt.Errorf("%s: %w", kind, err)
		} else {
			failure = fmt.Errorf("%w; %s: %w", failure, kind, err)
		}
		if !unproven(err) || ctx.Err() != nil {
			break
		}
	}
	return nil, failure
}

var errNotOffered = errors.New("the authority does not offer this kind of challenge")

// unproven reports whether another kind of challenge may do better.
func unproven(err error) bool {
	_, invalid := errors.AsType[*acme.AuthorizationError](err)
	return invalid || errors.Is(err, errNotOffered) || errors.Is(err, context.DeadlineExceeded)
}

// prove places an order and proves that the name is this server's.
func (a *ACME) prove(ctx context.Context, client *acme.Client, name, kind string) (*acme.Order, error) {
	order, err := client.AuthorizeOrder(ctx, acme.DomainIDs(name))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, proofTime)
	defer cancel()
	for _, url := range order.AuthzURLs {
		if err := a.authorize(ctx, client, url, name, kind); err != nil {
			return nil, err
		}
	}
	return client.WaitOrder(ctx, order.URI)
}

func (a *ACME) authorize(ctx context.Context, client *acme.Client, url, name, kind string) (err error) {
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
	remove, err := a.publish(ctx, client, challenge, name)
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

// withdraw gives up an authorization that nothing will come of, so that it
// does not count as pending. If that fails, the authority lets it expire.
func withdraw(ctx context.Context, client *acme.Client, url string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectTime)
	defer cancel()
	if authorization, err := client.GetAuthorization(ctx, url); err == nil && authorization.Status == acme.StatusPending {
		_ = client.RevokeAuthorization(ctx, url)
	}
}

func finalize(ctx context.Context, client *acme.Client, order *acme.Order, name string) ([]byte, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{name}}, key)
	if err != nil {
		return nil, err
	}
	chain, _, err := client.CreateCertFromOrder(ctx, order, request, true)
	if err != nil {
		return nil, err
	}
	return encodePair(key, chain)
}

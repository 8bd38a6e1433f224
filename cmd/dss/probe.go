package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	dss "github.com/desktop-stack-serv/dss"
	"github.com/desktop-stack-serv/dss/api"
)

const (
	probeTime = 15 * time.Second
	maxProbe  = 64 << 10 // bytes
)

// probe finds out at once what a user would otherwise wait for in vain: that
// there is no server, or that it goes by another name.
func (l *login) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	metadata, err := l.metadata(ctx)
	if err != nil || metadata == nil {
		return err
	}
	if metadata.Issuer == "" {
		return fmt.Errorf("%w: what answers at %s is no DSS server", dss.ErrUnreachable, l.server)
	}
	// Only loopback takes the server's name for its identity (RFC 9207). The
	// host of an app, which relay keys may go to, has another one.
	comesBack := l.chosenFlow() == dss.FlowLoopback || l.chosenFlow() == dss.FlowAuto
	if comesBack && metadata.Issuer != strings.TrimRight(l.server, "/") {
		return usagef("the server at %s calls itself %s: say --server %s", l.server, metadata.Issuer, metadata.Issuer)
	}
	return nil
}

// metadata is nil if the server is too busy to say.
func (l *login) metadata(ctx context.Context) (*api.Metadata, error) {
	target, err := url.JoinPath(l.server, api.PathMetadata)
	if err != nil {
		return nil, asUsage(err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, asUsage(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", dss.ErrUnreachable, errors.Unwrap(err))
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusTooManyRequests:
		return nil, nil
	case response.StatusCode >= 500:
		return nil, fmt.Errorf("%w: %s answers %d", dss.ErrUnreachable, l.server, response.StatusCode)
	}
	m := &api.Metadata{}
	if json.NewDecoder(io.LimitReader(response.Body, maxProbe)).Decode(m) != nil {
		return &api.Metadata{}, nil
	}
	return m, nil
}

package main

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/desktop-stack-serv/dss/internal/cli"
	"github.com/desktop-stack-serv/dss/internal/httpapi"
	"github.com/desktop-stack-serv/dss/internal/limit"
	"github.com/desktop-stack-serv/dss/internal/logger"
	"github.com/desktop-stack-serv/dss/internal/metrics"
	"github.com/desktop-stack-serv/dss/internal/sealed"
)

// observation is what the server tells about itself.
type observation struct {
	audit        bool
	auditKeyFile string

	auditKey []byte           // nil writes no audit
	metrics  *metrics.Metrics // nil if nobody can read them
}

func (o *observation) flags(f *cli.Flags) {
	f.BoolVar(&o.audit, "audit", true, "write an audit line for each deposit, claim, refusal and step of a sign-in")
	f.StringVar(&o.auditKeyFile, "audit-key-file", "", "`file` with the secret, at least 32 bytes, that makes the same hashes in the audit lines of several servers and after a restart (default a new one at each start)")
}

func (o *observation) check() error {
	if o.auditKeyFile != "" && !o.audit {
		return usagef("--audit-key-file does nothing with --audit=false")
	}
	return nil
}

// Bounds of the key of the audit's hashes, in bytes.
const (
	minAuditKey = 32
	maxAuditKey = 4 << 10
)

// start starts to count if somebody can read that.
func (o *observation) start(counted bool) {
	if counted {
		o.metrics = metrics.New(metrics.Config{Build: build(), Limits: limit.Names()})
	}
}

// countDropped has the lines counted that log drops. It is called once.
func (o *observation) countDropped(log *logger.Log) {
	if o.metrics != nil {
		o.metrics.Log(log)
	}
}

func (o *observation) readKey() ([]byte, error) {
	if o.auditKeyFile == "" {
		key := make([]byte, minAuditKey)
		rand.Read(key)
		return key, nil
	}
	file, err := os.Open(o.auditKeyFile)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	key, err := io.ReadAll(io.LimitReader(file, maxAuditKey+1))
	if err != nil {
		return nil, err
	}
	if key = bytes.TrimSpace(key); len(key) < minAuditKey || len(key) > maxAuditKey {
		return nil, fmt.Errorf("%s must hold %d to %d bytes; make it with: openssl rand -hex 32", o.auditKeyFile, minAuditKey, maxAuditKey)
	}
	return key, nil
}

func build() metrics.Build {
	info, _ := debug.ReadBuildInfo()
	return metrics.Build{Version: versionOf(info), Revision: buildSetting(info, "vcs.revision"), Go: runtime.Version()}
}

// measure has store measured. It is called once.
func (c *config) measure(store sealed.Store) sealed.Store {
	if c.metrics == nil {
		return store
	}
	return c.metrics.Store(store, metrics.Capacity{Entries: int64(c.maxEntries), Bytes: int64(c.maxBytes)})
}

// newObserved returns a server, of which everything is counted if
// there are metrics.
func (c *config) newObserved(vault *sealed.Vault, settings httpapi.Config) (*httpapi.Server, error) {
	settings.AuditKey = c.auditKey
	if c.metrics == nil {
		return httpapi.New(vault, settings)
	}
	settings.Observer, settings.StackExchange.Observe = c.metrics, c.metrics.Called
	server, err := httpapi.New(vault, settings)
	if err != nil {
		return nil, err
	}
	c.metrics.Server(server, c.maxWaiters)
	return server, nil
}

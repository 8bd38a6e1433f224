package redis

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/desktop-stack-serv/dss/internal/origin"
	"github.com/desktop-stack-serv/dss/internal/store"
)

const (
	defaultPrefix = "dss:"
	serverPort    = 6379
	sentinelPort  = 26379
	example       = "redis://user:password@host:6379/0"
)

// isPrefix keeps braces out of a prefix, which would move the hash tag, and stars,
// which mean something in access rules.
func isPrefix(text string) bool {
	const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-"
	return text != "" && len(text) <= 64 && strings.Trim(text, allowed) == ""
}

// config says where the entries are.
type config struct {
	addresses        []string // of servers, or of sentinels
	user, password   string
	database         int
	prefix           string
	tls              *tls.Config // nil is plain TCP
	masterSet        string      // set with Sentinel
	sentinelUser     string
	sentinelPassword string
}

// parseURL reads the URL of a store: redis or valkey, rediss or valkeys for
// TLS, then user, password, host, port and the number of the database, and the
// parameters
//
//	addr               another node of the cluster, or another sentinel; repeatable
//	master_set         what the sentinels call the primary
//	sentinel_user, sentinel_password
//	prefix             what every key and channel starts with ("dss:")
//	ca                 a PEM file with the authorities to trust instead of the system's
//
// An error is a [store.URLError].
func parseURL(text string) (*config, error) {
	u, err := store.ParseURL(text)
	if err != nil {
		return nil, store.URLError{Reason: err}
	}
	c := &config{user: u.User, password: u.Password, prefix: defaultPrefix}
	switch u.Scheme {
	case "redis", "valkey":
	case "rediss", "valkeys":
		c.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	default:
		return nil, store.URLErrorf("the URL must start with redis://, rediss://, valkey:// or valkeys://")
	}
	if err := c.readParameters(u); err != nil {
		return nil, store.URLError{Reason: err}
	}
	if n, err := strconv.ParseUint(u.Path, 10, 16); err == nil {
		c.database = int(n)
	} else if u.Path != "" {
		return nil, store.URLErrorf("the path in the URL must be the number of a database, as in " + example)
	}
	if err := c.readAddresses(u.Hosts, u.Parameters["addr"]); err != nil {
		return nil, store.URLError{Reason: err}
	}
	return c, nil
}

// refused are parameters of other programs, with what to do instead.
var refused = map[string]string{
	"protocol":           "there is no parameter protocol: DSS speaks RESP3, which every server since Redis 6 does",
	"skip_verify":        "there is no parameter skip_verify: name the authority of the server's certificate with ca",
	"replica":            noReplica,
	"replicas":           noReplica,
	"read_from":          noReplica,
	"read_from_replicas": noReplica,
}

const noReplica = "there is no parameter to read from replicas: one lags behind, so that what it answers " +
	"may have been claimed already"

func (c *config) readParameters(u *store.URL) error {
	for name := range u.Parameters {
		if reason, ok := refused[name]; ok {
			return errors.New(reason)
		}
	}
	var authorities string
	fields := map[string]*string{
		"ca": &authorities, "master_set": &c.masterSet, "prefix": &c.prefix,
		"sentinel_user": &c.sentinelUser, "sentinel_password": &c.sentinelPassword,
	}
	if err := u.CheckParameters(slices.Sorted(maps.Keys(fields)), []string{"addr"}); err != nil {
		return err
	}
	for name, values := range u.Parameters {
		if values[0] == "" {
			return fmt.Errorf("the parameter %s has no value", name)
		}
		if field, ok := fields[name]; ok {
			*field = values[0]
		}
	}
	if !isPrefix(c.prefix) {
		return errors.New("prefix must be 1 to 64 letters, digits, dots, dashes, underscores and colons")
	}
	switch {
	case c.masterSet == "" && c.sentinelUser+c.sentinelPassword != "":
		return errors.New("sentinel_user and sentinel_password mean nothing without master_set")
	case c.sentinelUser != "" && c.sentinelPassword == "":
		return errors.New("sentinel_user needs sentinel_password")
	case authorities != "":
		return c.readAuthorities(authorities)
	}
	return nil
}

func (c *config) readAuthorities(file string) error {
	if c.tls == nil {
		return errors.New("ca means nothing without TLS: start the URL with rediss://")
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		if failed, ok := errors.AsType[*fs.PathError](err); ok {
			err = failed.Err // without the name of the file
		}
		return fmt.Errorf("read the file that ca names: %w", err)
	}
	c.tls.RootCAs = x509.NewCertPool()
	if !c.tls.RootCAs.AppendCertsFromPEM(pem) {
		return errors.New("the file that ca names holds no certificate in PEM form")
	}
	return nil
}

// readAddresses completes hosts, and more that the URL names, with the port.
func (c *config) readAddresses(hosts []store.Host, more []string) error {
	if len(hosts) != 1 {
		return errors.New("name one server in front of the number of the database, as in " + example +
			", and others with addr")
	}
	for _, text := range more {
		host, err := store.ParseHost(text)
		if err != nil {
			return err
		}
		hosts = append(hosts, host)
	}
	port := uint16(serverPort)
	if c.masterSet != "" {
		port = sentinelPort
	}
	for _, host := range hosts {
		c.addresses = append(c.addresses, host.Address(port))
	}
	return nil
}

// loopback reports whether all addresses are on this machine, as far as the URL
// shows.
func (c *config) loopback() bool {
	return !slices.ContainsFunc(c.addresses, func(address string) bool {
		host, _, _ := net.SplitHostPort(address)
		return !origin.IsLoopback(host)
	})
}

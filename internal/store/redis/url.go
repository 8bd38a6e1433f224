package redis

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
)

const (
	defaultPrefix = "dss:"
	serverPort    = "6379"
	sentinelPort  = "26379"
	example       = "redis://user:password@host:6379/0"
)

// prefixPattern keeps braces out of a prefix, which would move the hash tag,
// and stars, which mean something in access rules.
var prefixPattern = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

// Config says where the entries are.
type Config struct {
	addresses        []string // of servers, or of sentinels
	user, password   string
	database         int
	prefix           string
	tls              *tls.Config // nil is plain TCP
	masterSet        string      // set with Sentinel
	sentinelUser     string
	sentinelPassword string
}

// ParseURL reads the URL of a store: redis or valkey, rediss or valkeys for
// TLS, then user, password, host, port and the number of the database, and the
// parameters
//
//	addr               another node of the cluster, or another sentinel; repeatable
//	master_set         what the sentinels call the primary
//	sentinel_user, sentinel_password
//	prefix             what every key and channel starts with ("dss:")
//	ca                 a PEM file with the authorities to trust instead of the system's
//
// Errors say what is wrong and never contain a password.
func ParseURL(text string) (*Config, error) {
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Fragment != "" {
		// The cause would quote parts of the password.
		return nil, errors.New("that is not a URL such as " + example + "; write special characters in a password as %XX")
	}
	parameters, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errors.New("what follows the ? in the URL is not well-formed; write special characters as %XX")
	}
	c := &Config{user: u.User.Username()}
	c.password, _ = u.User.Password()
	for _, step := range []func() error{
		func() error { return c.readScheme(u.Scheme) },
		func() error { return c.readParameters(parameters) },
		func() error { return c.readDatabase(u.Path) },
		func() error { return c.readAddresses(append([]string{u.Host}, parameters["addr"]...)) },
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *Config) readScheme(scheme string) error {
	switch scheme {
	case "redis", "valkey":
	case "rediss", "valkeys":
		c.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	default:
		return errors.New("the URL must start with redis://, rediss://, valkey:// or valkeys://")
	}
	return nil
}

func (c *Config) readParameters(parameters url.Values) error {
	c.prefix = defaultPrefix
	for name, values := range parameters {
		if name != "addr" && len(values) > 1 {
			return fmt.Errorf("the parameter %s is there more than once", name)
		}
		if err := c.readParameter(name, values[0]); err != nil {
			return err
		}
	}
	if c.masterSet == "" && c.sentinelUser+c.sentinelPassword != "" {
		return errors.New("sentinel_user and sentinel_password mean nothing without master_set")
	}
	if c.sentinelUser != "" && c.sentinelPassword == "" {
		return errors.New("sentinel_user needs sentinel_password")
	}
	return nil
}

func (c *Config) readParameter(name, value string) error {
	if value == "" {
		return fmt.Errorf("the parameter %s has no value", name)
	}
	switch name {
	case "addr":
	case "master_set":
		c.masterSet = value
	case "sentinel_user":
		c.sentinelUser = value
	case "sentinel_password":
		c.sentinelPassword = value
	case "prefix":
		if !prefixPattern.MatchString(value) {
			return errors.New("prefix must be 1 to 64 letters, digits, dots, dashes, underscores and colons")
		}
		c.prefix = value
	case "ca":
		return c.readAuthorities(value)
	case "protocol":
		return errors.New("there is no parameter protocol: DSS speaks RESP3, which every server since Redis 6 does")
	case "skip_verify":
		return errors.New("there is no parameter skip_verify: name the authority of the server's certificate with ca")
	case "replica", "replicas", "read_from", "read_from_replicas":
		return fmt.Errorf("there is no parameter %s: a replica lags behind, so that what it answers may have been claimed already", name)
	default:
		return fmt.Errorf("there is no parameter %q; there are addr, ca, master_set, prefix, sentinel_user and sentinel_password", name)
	}
	return nil
}

func (c *Config) readAuthorities(file string) error {
	if c.tls == nil {
		return errors.New("ca means nothing without TLS: start the URL with rediss://")
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the file that ca names: %w", err)
	}
	c.tls.RootCAs = x509.NewCertPool()
	if !c.tls.RootCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("%s holds no certificate in PEM form", file)
	}
	return nil
}

func (c *Config) readDatabase(path string) error {
	path = strings.TrimPrefix(path, "/")
	if path == "" {
		return nil
	}
	n, err := strconv.ParseUint(path, 10, 16)
	if err != nil {
		return errors.New("what follows the host in the URL must be the number of a database, as in " + example)
	}
	c.database = int(n)
	return nil
}

// readAddresses completes addresses with the port.
func (c *Config) readAddresses(addresses []string) error {
	port := serverPort
	if c.masterSet != "" {
		port = sentinelPort
	}
	for _, address := range addresses {
		u := url.URL{Host: address}
		host, port := u.Hostname(), cmp.Or(u.Port(), port)
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 || host == "" || strings.ContainsAny(host, "/@ ") || strings.Contains(host, ":") && net.ParseIP(host) == nil {
			return errors.New("what stands for a server in the URL must be a host, or a host and a port, as in " + example)
		}
		c.addresses = append(c.addresses, net.JoinHostPort(host, port))
	}
	return nil
}

// loopback reports whether no address is on another machine, as far as the
// URL says so.
func (c *Config) loopback() bool {
	for _, address := range c.addresses {
		host, _, _ := net.SplitHostPort(address)
		ip := net.ParseIP(host)
		if host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return false
		}
	}
	return true
}

package api

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// DefaultAddress is used when neither Config nor the environment names a
// server.
const DefaultAddress = "127.0.0.1:8500"

// Config says how a Client reaches the servers. The zero value takes
// everything from the environment variables that Consul's tools know, and
// without those talks to DefaultAddress in plain HTTP:
//
//	CONSUL_HTTP_ADDR        addresses, separated by commas
//	CONSUL_HTTP_TOKEN       token
//	CONSUL_HTTP_TOKEN_FILE  file with the token; wins over CONSUL_HTTP_TOKEN
//	CONSUL_HTTP_AUTH        user:password for basic authentication
//	CONSUL_HTTP_SSL         true: addresses without a scheme mean https
//	CONSUL_HTTP_SSL_VERIFY  false: do not verify the servers' certificates
//	CONSUL_CACERT           file with CA certificates in PEM
//	CONSUL_CAPATH           directory of such files
//	CONSUL_CLIENT_CERT      file with the client's certificate in PEM
//	CONSUL_CLIENT_KEY       file with its key in PEM
//	CONSUL_TLS_SERVER_NAME  name to expect in the servers' certificates
//
// A field that is set wins over the environment.
type Config struct {
	// Addresses of the servers, tried in this order: host:port, host (then
	// the port is 8500), http://…, https://…, unix:///path/of/socket.
	Addresses []string
	// Shuffle starts at a random address, so that many clients with the same
	// configuration spread over the servers.
	Shuffle bool
	// Scheme of addresses that have none: "http" (also if empty) or "https".
	Scheme string

	// Token is sent with each request. TokenFile is read once, by New, and
	// wins over Token.
	Token     string
	TokenFile string
	// Username and Password are sent as basic authentication if not empty.
	Username string
	Password string
	// Datacenter is asked for where a call does not name one; empty means
	// that of the server.
	Datacenter string

	TLS TLSConfig

	// RequestTimeout bounds one attempt at one server, beyond the time a
	// blocking query was asked to wait; 0 means 10 s, negative no bound.
	RequestTimeout time.Duration
	// RetryTime is for how long a request that cannot have changed anything
	// is tried again while servers answer that there is no leader or that
	// they are not ready; 0 means 5 s, negative not at all. Servers that
	// cannot be reached are tried once each, whatever this says.
	RetryTime time.Duration

	// Dial opens connections; nil means an ordinary dialer that gives up on
	// an unreachable host after 2 s and on a silent one after about 20 s.
	// Network is "tcp" or "unix".
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// IgnoreEnv keeps New from looking at the environment.
	IgnoreEnv bool
}

// TLSConfig says how servers are verified and how the client proves itself to
// them. The zero value trusts the system's certificates.
type TLSConfig struct {
	CAFile             string // CA certificates in PEM
	CAPath             string // directory of such files
	CertFile           string // the client's certificate in PEM; needs KeyFile
	KeyFile            string
	ServerName         string // expected in the servers' certificates; empty means the host of the address
	InsecureSkipVerify bool   // accept any certificate
}

// fromEnv fills what is not set from the environment.
func (c Config) fromEnv() (Config, error) {
	if len(c.Addresses) == 0 {
		c.Addresses = splitList(os.Getenv("CONSUL_HTTP_ADDR"))
	}
	if c.Token == "" && c.TokenFile == "" {
		c.Token = os.Getenv("CONSUL_HTTP_TOKEN")
		c.TokenFile = os.Getenv("CONSUL_HTTP_TOKEN_FILE")
	}
	if auth := os.Getenv("CONSUL_HTTP_AUTH"); auth != "" && c.Username == "" && c.Password == "" {
		c.Username, c.Password, _ = strings.Cut(auth, ":")
	}
	if c.Scheme == "" {
		https, err := envBool("CONSUL_HTTP_SSL", false)
		if err != nil {
			return c, err
		}
		if https {
			c.Scheme = "https"
		}
	}
	verify, err := envBool("CONSUL_HTTP_SSL_VERIFY", true)
	if err != nil {
		return c, err
	}
	c.TLS.InsecureSkipVerify = c.TLS.InsecureSkipVerify || !verify
	for name, field := range map[string]*string{
		"CONSUL_CACERT":          &c.TLS.CAFile,
		"CONSUL_CAPATH":          &c.TLS.CAPath,
		"CONSUL_CLIENT_CERT":     &c.TLS.CertFile,
		"CONSUL_CLIENT_KEY":      &c.TLS.KeyFile,
		"CONSUL_TLS_SERVER_NAME": &c.TLS.ServerName,
	} {
		if *field == "" {
			*field = os.Getenv(name)
		}
	}
	return c, nil
}

// withDefaults fills what neither the caller nor the environment set, and
// reads the token file.
func (c Config) withDefaults() (Config, error) {
	if len(c.Addresses) == 0 {
		c.Addresses = []string{DefaultAddress}
	}
	switch c.Scheme {
	case "":
		c.Scheme = "http"
	case "http", "https":
	default:
		return c, E(Invalid, fmt.Sprintf("scheme %q is neither http nor https", c.Scheme))
	}
	if c.RequestTimeout == 0 {
		c.RequestTimeout = 10 * time.Second
	}
	if c.RetryTime == 0 {
		c.RetryTime = 5 * time.Second
	}
	if c.TokenFile != "" {
		b, err := os.ReadFile(c.TokenFile)
		if err != nil {
			return c, Wrap(Invalid, "read token file", err)
		}
		c.Token = strings.TrimSpace(string(b))
	}
	return c, nil
}

func envBool(name string, unset bool) (bool, error) {
	s := os.Getenv(name)
	if s == "" {
		return unset, nil
	}
	b, err := strconv.ParseBool(s)
	if err != nil {
		return unset, E(Invalid, fmt.Sprintf("environment variable %s is %q, want true or false", name, s))
	}
	return b, nil
}

func splitList(s string) []string {
	var list []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

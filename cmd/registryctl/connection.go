package main

import (
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/registryd/registryd/pkg/api"
)

// connection is how to reach the servers, as the flags say it. What they do not
// say comes from the environment.
type connection struct {
	addr       string
	token      string
	tokenFile  string
	datacenter string
	stale      bool
	tls        api.TLSConfig
}

// flags defines the flags, named as Consul's tools name them.
func (c *connection) flags(f *pflag.FlagSet) {
	f.StringVar(&c.addr, "http-addr", "", "`address` of a server's HTTP API, or several with commas (CONSUL_HTTP_ADDR)")
	f.StringVar(&c.token, "token", "", "`token` to show (CONSUL_HTTP_TOKEN)")
	f.StringVar(&c.tokenFile, "token-file", "", "`file` with the token (CONSUL_HTTP_TOKEN_FILE)")
	f.StringVar(&c.datacenter, "datacenter", "", "`name` of the datacenter to ask for; the server's own by default")
	f.BoolVar(&c.stale, "stale", false, "let any server answer reads from what it has")
	f.StringVar(&c.tls.CAFile, "ca-file", "", "`file` with certificates to trust (CONSUL_CACERT)")
	f.StringVar(&c.tls.CAPath, "ca-path", "", "`directory` of such files (CONSUL_CAPATH)")
	f.StringVar(&c.tls.CertFile, "client-cert", "", "`file` with the client's certificate (CONSUL_CLIENT_CERT)")
	f.StringVar(&c.tls.KeyFile, "client-key", "", "`file` with its key (CONSUL_CLIENT_KEY)")
	f.StringVar(&c.tls.ServerName, "tls-server-name", "", "`name` to expect in the server's certificate (CONSUL_TLS_SERVER_NAME)")
}

// config is the client's configuration.
func (c *connection) config() api.Config {
	return api.Config{
		Addresses:  c.addresses(),
		Token:      c.token,
		TokenFile:  c.tokenFile,
		Datacenter: c.datacenter,
		TLS:        c.tls,
	}
}

// addresses are those given by the flag, none if it was not.
func (c *connection) addresses() []string {
	var list []string
	for a := range strings.SplitSeq(c.addr, ",") {
		if a = strings.TrimSpace(a); a != "" {
			list = append(list, a)
		}
	}
	return list
}

// where names the addresses that requests go to, for messages.
func (c *connection) where() string {
	for _, a := range []string{c.addr, os.Getenv("CONSUL_HTTP_ADDR")} {
		if a != "" {
			return a
		}
	}
	return api.DefaultAddress
}

// client returns a client for the servers. Run closes it.
func (t *tool) client() (*api.Client, error) {
	c, err := api.New(t.conn.config())
	if err == nil {
		t.opened = append(t.opened, c)
	}
	return c, err
}

// patient is client for what may take a server long.
func (t *tool) patient(d time.Duration) (*api.Client, error) {
	c, err := t.client()
	if err != nil {
		return nil, err
	}
	return c.WithTimeout(d), nil
}

// read returns the options of a read.
func (t *tool) read() *api.QueryOptions {
	q := &api.QueryOptions{}
	if t.conn.stale {
		q.Consistency = api.ReadStale
	}
	return q
}

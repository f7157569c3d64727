package api

import (
	"net/http"
	"time"
)

// Client talks to the servers of a cluster. Its methods, and the values that
// Agent, Catalog, … return, may be used by many goroutines at once. It owns no
// goroutine; Close only drops idle connections.
//
// Every call takes a context first and returns errors of the kinds in this
// package:
//
//	errors.Is(err, api.NotFound)        the one thing asked for does not exist
//	errors.Is(err, api.Invalid)         the request was wrong
//	errors.Is(err, api.NoLeader)        no leader for RetryTime; nothing changed
//	errors.Is(err, api.Unavailable)     no server could be reached or was ready
//	errors.Is(err, api.OutcomeUnknown)  a write was sent but not answered
//
// # Failover
//
// The client stays with the server that answered last. When that cannot be
// reached, knows no leader or is not ready, the request goes to the next
// address, and so do later ones. A request that may have had an effect (it was
// sent, and no answer came) is repeated only if that is harmless: reads,
// heartbeats, session renewals. Any other write returns OutcomeUnknown; the
// caller reads the state and decides.
type Client struct {
	t          *transport // shared by all copies
	token      string
	datacenter string
	timeout    time.Duration // of one attempt, beyond a blocking query's wait; below 0: none
}

// New returns a client for the servers in c. It opens no connection. The
// error, of kind Invalid, is about c or the environment.
func New(c Config) (*Client, error) {
	var err error
	if !c.IgnoreEnv {
		if c, err = c.fromEnv(); err != nil {
			return nil, err
		}
	}
	if c, err = c.withDefaults(); err != nil {
		return nil, err
	}
	tlsConf, err := c.TLS.load()
	if err != nil {
		return nil, err
	}
	endpoints, err := openEndpoints(c, tlsConf)
	if err != nil {
		return nil, err
	}
	return &Client{
		t:          newTransport(c, endpoints),
		token:      c.Token,
		datacenter: c.Datacenter,
		timeout:    c.RequestTimeout,
	}, nil
}

// WithToken returns a client that shares c's connections and sends token
// instead of c's.
func (c *Client) WithToken(token string) *Client {
	d := *c
	d.token = token
	return &d
}

// WithDatacenter returns a client that shares c's connections and asks for
// the datacenter dc where a call names none.
func (c *Client) WithDatacenter(dc string) *Client {
	d := *c
	d.datacenter = dc
	return &d
}

// WithTimeout returns a client that shares c's connections and gives one
// attempt at one server the time d beyond a blocking query's wait; 0 or less
// means no bound.
func (c *Client) WithTimeout(d time.Duration) *Client {
	e := *c
	e.timeout = d
	if d <= 0 {
		e.timeout = -1
	}
	return &e
}

// within is WithTimeout that only ever shortens.
func (c *Client) within(d time.Duration) *Client {
	if c.timeout > 0 && c.timeout < d {
		return c
	}
	return c.WithTimeout(d)
}

// At returns a client for one of c's addresses alone, written as in Addresses:
// it asks that server and no other. The error is of kind NotFound if c has no
// such address.
func (c *Client) At(addr string) (*Client, error) {
	t, err := c.t.only(addr)
	if err != nil {
		return nil, err
	}
	d := *c
	d.t = t
	return &d, nil
}

// Addresses returns the configured addresses in their order.
func (c *Client) Addresses() []string {
	var list []string
	for _, e := range c.t.endpoints {
		list = append(list, e.addr)
	}
	return list
}

// Close drops idle connections. Requests under way go on, and the client stays
// usable.
func (c *Client) Close() error {
	for _, e := range c.t.endpoints {
		e.http.CloseIdleConnections()
	}
	return nil
}

// succeeded reports whether the status is one of success.
func succeeded(status int) bool {
	return status >= http.StatusOK && status < http.StatusMultipleChoices
}

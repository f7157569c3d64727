package harness

import (
	"context"
	"fmt"

	"github.com/registryd/registryd/pkg/api"
)

// WriteInstance registers the service's one instance with the value as its
// port, or deregisters it if the value is 0, and records that.
func (h *History) WriteInstance(ctx context.Context, clientID int, c *api.Client, service string, value int) error {
	return h.Do(clientID, Op{Register: service, Verb: Write, Value: value}, func() (Outcome, error) {
		return Outcome{}, writeInstance(ctx, c, service, service, value)
	})
}

// ReadInstance reads what WriteInstance wrote, in turns from the health and the
// catalog endpoints, and records that.
func (h *History) ReadInstance(ctx context.Context, clientID int, c *api.Client, service string, q *api.QueryOptions) error {
	return h.Do(clientID, Op{Register: service, Verb: Read}, func() (Outcome, error) {
		value, err := readInstance(ctx, c, service, q)
		return Outcome{Value: value}, err
	})
}

func readInstance(ctx context.Context, c *api.Client, service string, q *api.QueryOptions) (int, error) {
	entries, _, err := c.Health().Service(ctx, service, q)
	if err != nil || len(entries) == 0 {
		return 0, err
	}
	s := entries[0].Service
	if len(entries) > 1 || s.Meta["value"] != fmt.Sprint(s.Port) {
		return 0, fmt.Errorf("service %s has %d instances, the first with port %d and meta %v", service, len(entries), s.Port, s.Meta)
	}
	return s.Port, nil
}

package registry

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// Limits of service and node metadata, Consul's.
const (
	metaPairs    = 64
	metaKeyMax   = 128
	metaValueMax = 512
	metaReserved = "consul-"
	maxWeight    = 65535
)

// RegisterService registers a service instance with this server's node, as
// /v1/agent/service/register does. Checks that stay keep status and output;
// with replace, checks of the service that are not named go. A program that
// another living server has in the same form stays there.
func (r *Registry) RegisterService(ctx context.Context, reg *api.ServiceRegistration, replace bool) error {
	s, checks, err := r.serviceOf(reg, isLocal(ctx))
	if err != nil {
		return err
	}
	node, err := r.home(ctx)
	if err != nil {
		return err
	}
	res, err := r.resultHere(ctx, &store.Register{Node: node, SkipNodeUpdate: true, Service: s, Checks: checks, KeepStatus: true, ReplaceChecks: replace})
	if err != nil {
		return err
	}
	if len(res.Body) > 0 {
		node = string(res.Body)
	}
	r.rearm(ctx, node, checks...)
	r.log.Info("service registered", "service", s.ID)
	return nil
}

// home returns the node that registrations through this server go to, which is
// its own, once it is in the catalog. That takes a moment after the start; if it
// takes longer than a write waits for a leader, the error is NoLeader: nothing was
// changed, and trying again later will do.
func (r *Registry) home(ctx context.Context) (string, error) {
	limit := time.NewTimer(r.cfg.HoldTimeout)
	defer limit.Stop()
	for {
		v, changed := r.State().Node(r.cfg.Name)
		if v != nil {
			return r.cfg.Name, nil
		}
		select {
		case <-changed:
		case <-limit.C:
			return "", api.E(api.NoLeader, "No cluster leader: this server has not joined a cluster yet")
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// serviceOf validates a registration and makes the stored forms of it.
func (r *Registry) serviceOf(reg *api.ServiceRegistration, local bool) (*api.Service, []*api.Check, error) {
	if reg.Name == "" {
		return nil, nil, api.E(api.Invalid, "Missing service name")
	}
	if anyAddress(reg.Address) {
		return nil, nil, api.E(api.Invalid, "Invalid service address "+reg.Address)
	}
	for _, a := range reg.TaggedAddresses {
		if anyAddress(a.Address) {
			return nil, nil, api.E(api.Invalid, "Invalid tagged address "+a.Address)
		}
	}
	if err := ValidateMeta(reg.Meta); err != nil {
		return nil, nil, api.E(api.Invalid, "Invalid Service Meta: "+err.Error())
	}
	w := reg.Weights
	if w == nil {
		w = &api.Weights{Passing: 1, Warning: 1}
	} else if w.Passing < 1 || w.Passing > maxWeight || w.Warning < 0 || w.Warning > maxWeight {
		return nil, nil, api.E(api.Invalid, fmt.Sprintf("Invalid Weights: passing must be 1 to %d and warning 0 to %d", maxWeight, maxWeight))
	}
	s := &api.Service{Kind: reg.Kind, ID: reg.ID, Service: reg.Name, Tags: reg.Tags, Address: reg.Address, Port: reg.Port, SocketPath: reg.SocketPath,
		Meta: reg.Meta, Weights: w, EnableTagOverride: reg.EnableTagOverride, TaggedAddresses: taggedAddresses(reg), Locality: reg.Locality}
	if s.ID == "" {
		s.ID = s.Service
	}
	if s.Tags == nil {
		s.Tags = []string{}
	}
	if len(s.Meta) == 0 {
		s.Meta = nil
	}
	checks, err := r.serviceChecks(reg, s, local)
	return s, checks, err
}

// taggedAddresses adds the addresses that follow from the service's own.
func taggedAddresses(reg *api.ServiceRegistration) map[string]api.ServiceAddress {
	ip := net.ParseIP(reg.Address)
	if ip == nil {
		return reg.TaggedAddresses
	}
	family := "_ipv6"
	if ip.To4() != nil {
		family = "_ipv4"
	}
	m := make(map[string]api.ServiceAddress, len(reg.TaggedAddresses)+2)
	for _, k := range []string{"lan" + family, "wan" + family} {
		m[k] = api.ServiceAddress{Address: reg.Address, Port: reg.Port}
	}
	for k, v := range reg.TaggedAddresses {
		m[k] = v
	}
	return m
}

// serviceChecks makes the checks of a registration. Those without an ID are
// named after the service, and numbered when there are several.
func (r *Registry) serviceChecks(reg *api.ServiceRegistration, s *api.Service, local bool) ([]*api.Check, error) {
	all := allChecks(reg)
	var checks []*api.Check
	for i, c := range all {
		id := serviceCheckID(s.ID, c, i, len(all))
		name := c.Name
		if name == "" {
			name = "Service '" + s.Service + "' check"
		}
		k, err := r.checkOf(c, id, name, local)
		if err != nil {
			return nil, err
		}
		k.ServiceID = s.ID
		checks = append(checks, k)
	}
	return checks, nil
}

func allChecks(reg *api.ServiceRegistration) []*api.CheckRegistration {
	if reg.Check == nil {
		return reg.Checks
	}
	return append([]*api.CheckRegistration{reg.Check}, reg.Checks...)
}

// serviceCheckID returns the ID of a service's i-th check of so many.
func serviceCheckID(service string, c *api.CheckRegistration, i, of int) string {
	switch {
	case c.CheckID != "":
		return c.CheckID
	case of > 1:
		return fmt.Sprintf("service:%s:%d", service, i+1)
	}
	return "service:" + service
}

// ValidateMeta checks metadata against Consul's limits.
func ValidateMeta(meta map[string]string) error {
	if len(meta) > metaPairs {
		return fmt.Errorf("Node metadata cannot contain more than %d key/value pairs", metaPairs)
	}
	for k, v := range meta {
		if err := validateMetaPair(k, v); err != nil {
			return fmt.Errorf("Couldn't load metadata pair ('%s', '%s'): %w", k, v, err)
		}
	}
	return nil
}

func validateMetaPair(k, v string) error {
	switch {
	case k == "":
		return fmt.Errorf("Key cannot be blank")
	case len(k) > metaKeyMax:
		return fmt.Errorf("Key is too long (limit: %d characters)", metaKeyMax)
	case strings.HasPrefix(k, metaReserved):
		return fmt.Errorf("Key prefix '%s' is reserved for internal use", metaReserved)
	case len(v) > metaValueMax:
		return fmt.Errorf("Value is too long (limit: %d characters)", metaValueMax)
	}
	for _, c := range k {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return fmt.Errorf("Key contains invalid characters")
		}
	}
	return nil
}

// DeregisterService removes the service instance with the ID from whichever
// server's node has it; NotFound if none has.
func (r *Registry) DeregisterService(ctx context.Context, id string) error {
	err := act(ctx, r, r.State(), r.FindService, id, unknownService(id), func(n *store.NodeView) error {
		return r.proposeHere(ctx, &store.Deregister{Node: n.Node.Node, ServiceID: id, MustExist: true})
	})
	if err == nil {
		r.log.Info("service deregistered", "service", id)
	}
	return err
}

func unknownService(id string) error {
	return api.E(api.NotFound, fmt.Sprintf("Unknown service ID %q. Ensure that the service ID is passed, not the service name.", id))
}

func unknownCheck(id string) error {
	return api.E(api.NotFound, fmt.Sprintf("Unknown check ID %q. Ensure that the check ID is passed, not the check name.", id))
}

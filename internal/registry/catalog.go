package registry

import (
	"context"
	"net"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/registryd/registryd/internal/checks"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// RegisterCatalog registers a node, with a service instance and checks if
// given, as /v1/catalog/register does. What the body lacks or has wrong is
// Refused, as Consul's servers do.
func (r *Registry) RegisterCatalog(ctx context.Context, reg *api.CatalogRegistration) error {
	if err := r.CheckDatacenter(reg.Datacenter); err != nil {
		return err
	}
	cmd, err := r.registerCommand(reg)
	if err != nil {
		return err
	}
	_, err = r.propose(ctx, cmd)
	return err
}

// registerCommand validates a registration and makes a command of it.
func (r *Registry) registerCommand(reg *api.CatalogRegistration) (*store.Register, error) {
	if reg.Node == "" {
		return nil, api.E(api.Refused, "Must provide node")
	}
	if reg.Address == "" && !reg.SkipNodeUpdate {
		return nil, api.E(api.Refused, "Must provide address if SkipNodeUpdate is not set")
	}
	if reg.ID != "" {
		if _, err := uuid.Parse(reg.ID); err != nil || len(reg.ID) != 36 {
			return nil, api.E(api.Refused, "Bad request: NodeID is not a valid UUID: "+reg.ID)
		}
	}
	cmd := &store.Register{ID: reg.ID, Node: reg.Node, Address: reg.Address, Datacenter: r.cfg.Datacenter,
		TaggedAddresses: reg.TaggedAddresses, Meta: reg.NodeMeta, SkipNodeUpdate: reg.SkipNodeUpdate}
	if reg.Service != nil {
		s, err := catalogService(reg.Service)
		if err != nil {
			return nil, err
		}
		cmd.Service = s
	}
	checks := reg.Checks
	if reg.Check != nil {
		checks = append(checks[:len(checks):len(checks)], reg.Check)
	}
	for _, c := range checks {
		k := *c
		if err := catalogCheck(&k, reg.Node); err != nil {
			return nil, err
		}
		if err := catalogProbe(&k); err != nil {
			return nil, err
		}
		cmd.Checks = append(cmd.Checks, &k)
	}
	return cmd, nil
}

// catalogService validates an instance that comes through the catalog, which
// is laxer than the agent.
func catalogService(in *api.Service) (*api.Service, error) {
	s := *in
	if s.ID == "" {
		s.ID = s.Service
	}
	if s.Service == "" {
		return nil, api.E(api.Refused, "Must provide service name (Service.Service) when using a service ID")
	}
	if anyAddress(s.Address) {
		return nil, api.E(api.Refused, "Service address must not be the unspecified address "+s.Address)
	}
	if !sound(s.Weights) {
		s.Weights = &api.Weights{Passing: 1, Warning: 1}
	}
	s.CreateIndex, s.ModifyIndex = 0, 0
	return &s, nil
}

// sound reports whether weights are given and could be used. Clients that know
// none send zeros.
func sound(w *api.Weights) bool {
	const most = 65535
	return w != nil && w.Passing >= 1 && w.Passing <= most && w.Warning >= 0 && w.Warning <= most
}

func catalogCheck(c *api.Check, node string) error {
	if c.Node != "" && !strings.EqualFold(c.Node, node) {
		return api.E(api.Refused, "check node \""+c.Node+"\" does not match node \""+node+"\"")
	}
	if c.CheckID == "" {
		c.CheckID = c.Name
	}
	if c.CheckID == "" {
		return api.E(api.Refused, "Must provide CheckID or Name of a check")
	}
	if c.Status == "" {
		c.Status = api.Critical
	}
	if c.Type == "" && c.Definition != nil {
		c.Type = checks.TypeOf(c.Definition)
	}
	c.CreateIndex, c.ModifyIndex, c.Probe = 0, 0, nil
	return nil
}

// catalogProbe says why the cluster could not run a check although it is asked
// to, an Invalid error: such a check would stay as it is for ever, and nobody
// would know. Definitions of kinds that only another program runs are its own.
func catalogProbe(c *api.Check) error {
	d := c.Definition
	if d == nil {
		return nil
	}
	var err error
	if d.TTL != 0 || d.HTTP != "" || d.TCP != "" || d.UDP != "" || d.GRPC != "" || d.H2PING != "" {
		err = checks.Validate(d, true)
	} else if d.Observers != 0 {
		err = checks.ValidateObservers(d)
	}
	return api.Wrap(api.Invalid, "Invalid check "+strconv.Quote(c.CheckID), err)
}

// anyAddress reports whether an address stands for all interfaces, which
// nobody can connect to.
func anyAddress(a string) bool {
	ip := net.ParseIP(a)
	return ip != nil && ip.IsUnspecified()
}

// DeregisterCatalog removes a node, service instance or check, as
// /v1/catalog/deregister does. Unknown names are fine.
func (r *Registry) DeregisterCatalog(ctx context.Context, d *api.CatalogDeregistration) error {
	if err := r.CheckDatacenter(d.Datacenter); err != nil {
		return err
	}
	if d.Node == "" {
		return api.E(api.Refused, "Must provide node")
	}
	_, err := r.propose(ctx, &store.Deregister{Node: d.Node, ServiceID: d.ServiceID, CheckID: d.CheckID})
	return err
}

package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/registryd/registryd/pkg/api"
)

// surroundings is what explanations need to know of the cluster.
type surroundings struct {
	index   uint64            // of the newest change
	servers map[string]string // status by name
	near    map[string]string // output by check ID: what the server asked saw last of its own node's checks
	self    string            // the server asked
}

func surround(ctx context.Context, c *api.Client) (*surroundings, error) {
	s := &surroundings{servers: map[string]string{}, near: map[string]string{}}
	members, err := c.Agent().Members(ctx, false, "")
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		s.servers[strings.ToLower(m.Name)] = statusOf(m)
	}
	self, err := c.Agent().Self(ctx)
	if err != nil {
		return nil, err
	}
	s.self = self.Config.NodeName
	s.index, _ = strconv.ParseUint(self.Stats["raft"]["applied_index"], 10, 64)
	checks, err := c.Agent().Checks(ctx, "")
	if err != nil {
		return nil, err
	}
	for id, check := range checks {
		s.near[id] = check.Output
	}
	return s, nil
}

// explain says why an instance is in its state; what does not pass comes first.
func (s *surroundings) explain(e *api.Entry) *explanation {
	x := &explanation{Service: e.Service.Service, ID: e.Service.ID, Node: e.Node.Node, Address: hostPort(e),
		Status: e.Status(), Index: s.index, Checks: []*reason{}}
	for _, c := range e.Checks {
		r := &reason{CheckID: c.CheckID, Name: c.Name, Type: typeOfCheck(c), Status: c.Status, Since: c.ModifyIndex, RunBy: s.runner(c)}
		r.Output = cmp.Or(c.Output, c.Notes)
		if strings.EqualFold(c.Node, s.self) {
			// An output alone is no change that goes through the log at once.
			r.Output = cmp.Or(s.near[c.CheckID], r.Output)
		}
		if c.Status != api.Passing || inMaintenance(c) {
			r.Remedy = remedy(c)
		}
		x.Checks = append(x.Checks, r)
	}
	slices.SortStableFunc(x.Checks, func(a, b *reason) int { return cmp.Compare(severity(a), severity(b)) })
	return x
}

// severity is lower the more a check is to blame.
func severity(r *reason) int {
	switch {
	case r.Remedy == "":
		return 2
	case r.Status == api.Warning:
		return 1
	}
	return 0
}

func inMaintenance(c *api.Check) bool {
	return c.CheckID == api.NodeMaintenance || strings.HasPrefix(c.CheckID, api.ServiceMaintenancePrefix)
}

// typeOfCheck is the check's type, which one registered through the catalog
// shows in its definition only; empty if nobody runs it.
func typeOfCheck(c *api.Check) string {
	d := c.Definition
	switch {
	case c.Type != "" || d == nil:
		return c.Type
	case d.HTTP != "":
		return "http"
	case d.TCP != "":
		return "tcp"
	case d.UDP != "":
		return "udp"
	case d.GRPC != "":
		return "grpc"
	case d.H2PING != "":
		return "h2ping"
	case len(d.Args) > 0:
		return "script"
	case d.OSService != "":
		return "os_service"
	case d.AliasNode != "" || d.AliasService != "":
		return "alias"
	case d.TTL > 0:
		return "ttl"
	}
	return ""
}

// runner says who runs a check.
func (s *surroundings) runner(c *api.Check) string {
	switch {
	case c.CheckID == api.SerfHealth && s.servers[strings.ToLower(c.Node)] != "":
		return "the leader, by the heartbeats of server " + c.Node
	case inMaintenance(c):
		return "nobody: somebody set it by hand"
	case typeOfCheck(c) == "":
		return "nobody here: whoever registered it reports its status"
	case typeOfCheck(c) == "ttl":
		return "the instance, which reports to the cluster; " + s.owner(c) + " watches the time"
	}
	every := c.Interval
	if every == "" && c.Definition != nil && c.Definition.Interval > 0 {
		every = c.Definition.Interval.String()
	}
	if every != "" {
		return s.owner(c) + ", every " + every
	}
	return s.owner(c)
}

// owner names the server that looks after the checks of a node: the node
// itself if it is a server that lives, else one of those that do.
func (s *surroundings) owner(c *api.Check) string {
	if s.servers[strings.ToLower(c.Node)] == "alive" {
		return "server " + c.Node
	}
	var live []string
	for _, name := range sortedKeys(s.servers) {
		if s.servers[name] == "alive" {
			live = append(live, name)
		}
	}
	if len(live) == 1 {
		return "server " + live[0]
	}
	return fmt.Sprintf("one of the servers %s", strings.Join(live, ", "))
}

// remedy says what would make a check pass.
func remedy(c *api.Check) string {
	d := c.Definition
	if d == nil {
		d = &api.CheckDefinition{}
	}
	within := ""
	if c.Timeout != "" && c.Timeout != "0s" {
		within = " within " + c.Timeout
	}
	switch {
	case c.CheckID == api.NodeMaintenance:
		return "the node leaves maintenance: registryctl maint -disable, asked of server " + c.Node
	case inMaintenance(c):
		return "it leaves maintenance: registryctl maint -disable -service=" + strings.TrimPrefix(c.CheckID, api.ServiceMaintenancePrefix)
	case c.CheckID == api.SerfHealth:
		return "server " + c.Node + " runs again; if it is gone for good: registryctl force-leave " + c.Node
	}
	switch typeOfCheck(c) {
	case "ttl":
		return "the instance reports in time: registryctl checks pass " + c.CheckID
	case "http":
		return "an HTTP request to " + cmp.Or(d.HTTP, "its URL") + " is answered with a status of 2xx" + within
	case "tcp":
		return cmp.Or(d.TCP, "its address") + " accepts a connection" + within
	case "udp":
		return cmp.Or(d.UDP, "its address") + " does not refuse a datagram" + within
	case "grpc":
		return cmp.Or(d.GRPC, "its address") + " answers the gRPC health check with SERVING" + within
	case "h2ping":
		return cmp.Or(d.H2PING, "its address") + " answers an HTTP/2 ping" + within
	case "script", "docker":
		return "its command ends with exit code 0" + within
	case "os_service":
		return "the service " + cmp.Or(d.OSService, "of the operating system") + " runs"
	case "alias":
		return "what it stands for passes: " + cmp.Or(d.AliasService, d.AliasNode, "see its output")
	}
	return "whoever registered it reports that it passes, with PUT /v1/catalog/register"
}

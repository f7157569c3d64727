package store

import (
	"net/netip"
	"strings"

	"github.com/registryd/registryd/pkg/api"
)

// tied says why a check can be run by no other server than the one whose node it
// is on; empty if any server can. Such a check was registered through that server's agent
// endpoints, and is a command on its host or asks an address that every host
// has. Where the servers themselves have loopback addresses they share a host,
// and what one reaches there all do.
func tied(server *api.Node, c *api.Check) string {
	p := c.Probe
	switch {
	case p == nil || p.TTL > 0:
		return ""
	case len(p.Args) > 0 || p.DockerContainerID != "":
		return "a script"
	case p.OSService != "":
		return "a check of a service of the host's operating system"
	}
	for _, target := range [...]string{p.HTTP, p.TCP, p.UDP, p.GRPC, p.H2PING} {
		if target != "" && loopback(hostOf(target)) && !loopback(server.Address) {
			return "a check of a loopback address"
		}
	}
	return ""
}

// hostOf returns the host of a check's target: a URL, host:port, or that with a
// path.
func hostOf(target string) string {
	if i := strings.Index(target, "://"); i >= 0 {
		target = target[i+3:]
	}
	if i := strings.IndexAny(target, "/?#"); i >= 0 {
		target = target[:i]
	}
	target = target[strings.LastIndexByte(target, '@')+1:]
	if rest, ok := strings.CutPrefix(target, "["); ok {
		host, _, _ := strings.Cut(rest, "]")
		return host
	}
	if i := strings.IndexByte(target, ':'); i >= 0 && i == strings.LastIndexByte(target, ':') {
		return target[:i]
	}
	return target
}

// loopback reports whether a host is the one that asks.
func loopback(host string) bool {
	host = strings.TrimSuffix(host, ".")
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Unmap().IsLoopback()
	}
	name := lower(host)
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// strand turns the checks critical that only a server which has failed can run.
// Since nobody looks any more, nothing is counted either. When the server is
// back it reports them anew.
func (d *draft) strand(server *nodeDraft) {
	for _, c := range append([]*api.Check(nil), server.checks...) {
		why := tied(server.node, c)
		if why == "" {
			continue
		}
		k := *c
		k.Status, k.Verdict, k.ModifyIndex = api.Critical, nil, d.index
		k.Output = "server " + server.node.Node + ", which ran this check, failed; " + why + " cannot be run elsewhere"
		d.setCheck(server, &k)
	}
}

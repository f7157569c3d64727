package main

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/registryd/registryd/pkg/api"
)

// everyInstance reads the instances of all services, by name. It asks for
// several services at a time.
func everyInstance(ctx context.Context, c *api.Client, q *api.QueryOptions) ([]*api.Entry, error) {
	all := *q
	all.Filter = "" // it speaks of instances, which this list does not show
	services, _, err := c.Catalog().Services(ctx, &all)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	names := sortedKeys(services)
	found := make([][]*api.Entry, len(names))
	var tasks sync.WaitGroup
	slots := make(chan struct{}, 8)
	for i, name := range names {
		slots <- struct{}{}
		tasks.Go(func() {
			defer func() { <-slots }()
			entries, _, err := c.Health().Service(ctx, name, q)
			if err != nil {
				cancel(err) // the first one counts
			}
			found[i] = entries
		})
	}
	tasks.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return slices.Concat(found...), nil
}

// hostPort is where an instance can be reached: host:port, or the host alone
// if the instance has no port.
func hostPort(e *api.Entry) string {
	host, port := e.HostPort()
	if port == 0 {
		return host
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}

// troubles names the checks of an instance that do not pass, with what they
// said.
func troubles(e *api.Entry) string {
	var list []string
	for _, c := range e.Checks {
		if c.Status == api.Passing {
			continue
		}
		text := c.Name
		if text == "" {
			text = c.CheckID
		}
		said := c.Output
		if said == "" {
			said = c.Notes
		}
		if said = strings.Join(strings.Fields(said), " "); said != "" {
			text += ": " + clip(said, 80)
		}
		list = append(list, text)
	}
	return strings.Join(list, "; ")
}

// tagList prints tags.
func tagList(e *api.Entry) string { return strings.Join(e.Service.Tags, ",") }

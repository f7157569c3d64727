package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// size is how many servers there are, and how many greeters.
const size = 3

// patience is how long a step may take until everybody agrees on its outcome.
const patience = 30 * time.Second

// lab is all programs of the demo.
type lab struct {
	s        settings
	client   *api.Client
	servers  []*process
	greeters []*process
	proxy    *process
}

// Ports, before the offset. Server i has those of Consul plus 10 × i.
func (l *lab) httpPort(i int) int    { return 8500 + 10*i + l.s.offset }
func (l *lab) dnsPort(i int) int     { return 8600 + 10*i + l.s.offset }
func (l *lab) raftPort(i int) int    { return 8300 + 10*i + l.s.offset }
func (l *lab) serfPort(i int) int    { return 8301 + 10*i + l.s.offset }
func (l *lab) greeterPort(i int) int { return 9001 + i + l.s.offset }
func (l *lab) proxyPort() int        { return 9000 + l.s.offset }

func local(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// newLab describes the programs and makes sure that their ports are free.
func newLab(s settings) (*lab, error) {
	l := &lab{s: s}
	var registry []string
	join := make([]string, size)
	for i := range size {
		registry = append(registry, local(l.httpPort(i)))
		join[i] = "-retry-join=" + local(l.raftPort(i))
	}
	for i := range size {
		name := fmt.Sprintf("server-%d", i+1)
		args := append([]string{
			"-server", fmt.Sprintf("-bootstrap-expect=%d", size), "-node=" + name,
			"-data-dir=" + filepath.Join(s.dir, name), "-bind=127.0.0.1",
			fmt.Sprintf("-http-port=%d", l.httpPort(i)), fmt.Sprintf("-dns-port=%d", l.dnsPort(i)),
			fmt.Sprintf("-server-port=%d", l.raftPort(i)), fmt.Sprintf("-serf-lan-port=%d", l.serfPort(i)),
		}, join...)
		l.servers = append(l.servers, l.process(name, "registryd", args...))

		// Each greeter asks another server first.
		order := registryFrom(registry, i)
		name = fmt.Sprintf("greeter-%d", i+1)
		l.greeters = append(l.greeters, l.process(name, "greeter",
			"-listen="+local(l.greeterPort(i)), "-id="+name, "-registry="+strings.Join(order, ",")))
	}
	l.proxy = l.process("proxy", "proxy", "-listen="+local(l.proxyPort()), "-policy="+s.policy,
		fmt.Sprintf("-attempts=%d", s.attempts), "-registry="+strings.Join(registry, ","))
	var err error
	l.client, err = api.New(api.Config{Addresses: registry, IgnoreEnv: true})
	return l, errors.Join(err, l.checkPorts())
}

// checkPorts refuses to start over somebody else's programs: the demo would
// talk to them and seem to work.
func (l *lab) checkPorts() error {
	for i := range size {
		server := fmt.Sprintf("server %d", i+1)
		for _, p := range []struct {
			port int
			what string
		}{
			{l.httpPort(i), "HTTP of " + server},
			{l.dnsPort(i), "DNS of " + server},
			{l.raftPort(i), "cluster port of " + server},
			{l.serfPort(i), "join port of " + server},
			{l.greeterPort(i), fmt.Sprintf("greeter %d", i+1)},
			{l.proxyPort(), "proxy"},
		} {
			t, err := net.Listen("tcp", local(p.port))
			if err != nil {
				return fmt.Errorf("port %d (%s) is taken: stop what uses it, or add a number to all ports with -offset", p.port, p.what)
			}
			if err := t.Close(); err != nil {
				return err
			}
		}
	}
	return nil
}

// start starts all programs and waits until requests get through.
func (l *lab) start(ctx context.Context) error {
	for _, p := range l.servers {
		if err := p.start(); err != nil {
			return err
		}
	}
	// A greeter that finds its server not ready yet would register through
	// another one.
	if err := l.await(ctx, "cluster of three", l.serversAnswer); err != nil {
		return err
	}
	for _, p := range l.all()[len(l.servers):] {
		if err := p.start(); err != nil {
			return err
		}
	}
	if err := l.await(ctx, "greeters in the registry", l.greetersPass); err != nil {
		return err
	}
	return l.await(ctx, "an answer through the proxy", func(ctx context.Context) error {
		return ask(ctx, l.proxyURL())
	})
}

// all is every program in the order of starting.
func (l *lab) all() []*process {
	list := append([]*process{}, l.servers...)
	list = append(list, l.greeters...)
	return append(list, l.proxy)
}

// close stops everything, last first, so that greeters can still deregister.
func (l *lab) close() error {
	var errs []error
	l.proxy.stop()
	stopAll(l.greeters)
	stopAll(l.servers)
	if l.client != nil {
		errs = append(errs, l.client.Close())
	}
	return errors.Join(errs...)
}

// await tries until ok returns nil. It gives up when a program has died or it
// takes too long, and then says why.
func (l *lab) await(ctx context.Context, what string, ok func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := ok(ctx)
		if err == nil {
			return nil
		}
		for _, p := range l.all() {
			if err := p.died(); err != nil {
				return err
			}
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fmt.Errorf("no %s within %v: %w", what, patience, err)
			}
			return ctx.Err()
		}
	}
}

// serversAnswer asks each server whether it knows all of them.
func (l *lab) serversAnswer(ctx context.Context) error {
	for i := range size {
		client, err := api.New(api.Config{Addresses: []string{local(l.httpPort(i))}, IgnoreEnv: true, RetryTime: -1})
		if err != nil {
			return err
		}
		list, _, err := client.Health().Service(ctx, "consul", &api.QueryOptions{Passing: true})
		if err := errors.Join(err, client.Close()); err != nil {
			return err
		}
		if len(list) != size {
			return fmt.Errorf("server %d knows %d of %d", i+1, len(list), size)
		}
	}
	return nil
}

// greetersPass asks whether all greeters are listed and pass.
func (l *lab) greetersPass(ctx context.Context) error {
	list, _, err := l.client.Health().Service(ctx, "greeter", &api.QueryOptions{Passing: true})
	if err != nil {
		return err
	}
	pass := map[string]bool{}
	for _, e := range list {
		pass[e.Service.ID] = true
	}
	if len(pass) != size {
		return fmt.Errorf("%d of %d greeters pass", len(pass), size)
	}
	return nil
}

func (l *lab) proxyURL() string { return "http://" + local(l.proxyPort()) }

// registryFrom returns the addresses with the ith first.
func registryFrom(list []string, i int) []string {
	return append(append([]string{}, list[i:]...), list[:i]...)
}

// explain prints what to try.
func (l *lab) explain(w io.Writer, took time.Duration) {
	fmt.Fprintf(w, `Three servers, three greeters and a proxy run since %.1f s.

  curl %s                          say hello, through the proxy
  curl %s/_proxy/status            who answered how often
  curl 'http://%s/v1/health/service/greeter?passing'   where the greeters are
  %s --http-addr=%s watch greeter   see them come and go
  dig @127.0.0.1 -p %d greeter.service.consul SRV      ask by DNS

`, took.Seconds(), l.proxyURL(), l.proxyURL(), local(l.httpPort(0)),
		filepath.Join(l.s.bin, "registryctl"), local(l.httpPort(0)), l.dnsPort(0))
	for i := range size {
		fmt.Fprintf(w, "  server-%d   pid %-8d http %s   dns %s\n", i+1, l.servers[i].pid(), local(l.httpPort(i)), local(l.dnsPort(i)))
	}
	for i := range size {
		fmt.Fprintf(w, "  greeter-%d  pid %-8d http %s   registered through server-%d\n", i+1, l.greeters[i].pid(), local(l.greeterPort(i)), i+1)
	}
	fmt.Fprintf(w, "  proxy      pid %-8d http %s\n", l.proxy.pid(), local(l.proxyPort()))
	if !l.s.chaos {
		fmt.Fprintf(w, "\nKill -9 any of them and look again: it is started anew after %v. Ctrl-C stops everything.\n", revival)
	}
}

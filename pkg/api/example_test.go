package api_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/registryd/registryd/internal/config"
	"github.com/registryd/registryd/internal/server"
	"github.com/registryd/registryd/pkg/api"
)

// exampleServer starts a real server on free ports, and returns its address and
// what stops it.
func exampleServer() (addr string, stop func()) {
	set := func(key, value string) config.Setting {
		return config.Setting{Key: key, Value: value, Origin: "example"}
	}
	cfg, err := config.Load(config.Sources{Dev: true, Settings: []config.Setting{
		set("node_name", "s1"), set("bind_addr", "127.0.0.1"), set("ports.http", "0"), set("ports.server", "0"),
		set("ports.serf_lan", "-1"), set("ports.dns", "-1"), set("ports.grpc", "-1"),
	}})
	if err != nil {
		panic(err)
	}
	s, err := server.Open(cfg, server.Options{})
	if err != nil {
		panic(err)
	}
	return s.HTTPAddr(), func() {
		if err := s.Close(); err != nil {
			panic(err)
		}
	}
}

// exampleClient is a client of a server of its own.
func exampleClient() (client *api.Client, stop func()) {
	addr, stopServer := exampleServer()
	client, err := api.New(api.Config{Addresses: []string{addr}, IgnoreEnv: true})
	if err != nil {
		panic(err)
	}
	return client, func() { client.Close(); stopServer() }
}

func ExampleNew() {
	addr, stop := exampleServer()
	defer stop()

	client, err := api.New(api.Config{Addresses: []string{addr}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	dcs, err := client.Catalog().Datacenters(context.Background())
	fmt.Println(dcs, err)
	// Output: [dc1] <nil>
}

// Several addresses make a client that outlives any one server: here the first
// is not there at all.
func ExampleNew_failover() {
	addr, stop := exampleServer()
	defer stop()

	client, err := api.New(api.Config{Addresses: []string{"127.0.0.1:1", addr}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	_, meta, err := client.Catalog().Nodes(context.Background(), nil)
	fmt.Println(meta.Address == client.Addresses()[1], err)
	// Output: true <nil>
}

// Programs decide by the kind of an error, which is the same whether the client
// or any server found the fault; the text is for people.
func ExampleKind() {
	client, stop := exampleClient()
	defer stop()
	ctx := context.Background()

	_, _, err := client.KV().Get(ctx, "no/such/key", nil)
	fmt.Println(errors.Is(err, api.NotFound), err)

	err = client.Agent().RegisterService(ctx, &api.ServiceRegistration{Port: 80})
	fmt.Println(errors.Is(err, api.Invalid), err)

	_, _, err = client.Catalog().Nodes(ctx, &api.QueryOptions{Datacenter: "mars"})
	fmt.Println(errors.Is(err, api.UnknownDC), err)

	switch api.ErrorKind(err) {
	case api.NoLeader, api.Unavailable, api.RateLimited:
		fmt.Println("try again later")
	case api.OutcomeUnknown:
		fmt.Println("read the state, then decide")
	default:
		fmt.Println("mend the request")
	}
	// Output:
	// true no key "no/such/key"
	// true Missing service name
	// true No path to datacenter
	// mend the request
}

func ExampleClient_At() {
	client, stop := exampleClient()
	defer stop()

	// Ask each server, not just whichever answers first.
	for _, addr := range client.Addresses() {
		one, err := client.At(addr)
		if err != nil {
			fmt.Println(err)
			return
		}
		self, err := one.Agent().Self(context.Background())
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(self.Config.NodeName, self.Config.Server)
	}
	// Output: s1 true
}

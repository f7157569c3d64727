package api_test

import (
	"context"
	"fmt"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// A registration sends its own heartbeat and moves to another server when its
// server dies; when the process dies the instance turns critical by itself.
func ExampleClient_Register() {
	client, stop := exampleClient()
	defer stop()
	ctx := context.Background()

	reg, err := client.Register(ctx, &api.ServiceRegistration{ID: "web-1", Name: "web", Port: 8080, Tags: []string{"v1"}}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	entries, _, err := client.Health().Service(ctx, "web", &api.QueryOptions{Passing: true})
	fmt.Println(reg.ID(), len(entries), err)

	fmt.Println(reg.Close())
	entries, _, err = client.Health().Service(ctx, "web", nil)
	fmt.Println(len(entries), err)
	// Output:
	// web-1 1 <nil>
	// <nil>
	// 0 <nil>
}

func ExampleHealth_Service() {
	client, stop := exampleClient()
	defer stop()
	ctx := context.Background()
	for i, status := range []string{api.Passing, api.Critical} {
		err := client.Agent().RegisterService(ctx, &api.ServiceRegistration{
			ID: fmt.Sprintf("web-%d", i+1), Name: "web", Address: fmt.Sprintf("10.0.0.%d", i+1), Port: 80,
			Check: &api.CheckRegistration{Status: status, CheckDefinition: api.CheckDefinition{TTL: api.Duration(time.Hour)}},
		})
		if err != nil {
			fmt.Println(err)
			return
		}
	}

	entries, _, err := client.Health().Service(ctx, "web", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range entries {
		host, port := e.HostPort()
		fmt.Println(e.Service.ID, host, port, e.Status())
	}
	passing, _, err := client.Health().Service(ctx, "web", &api.QueryOptions{Passing: true})
	fmt.Println(len(passing), err)
	// Output:
	// web-1 10.0.0.1 80 passing
	// web-2 10.0.0.2 80 critical
	// 1 <nil>
}

// The catalog also takes nodes that are no servers of the cluster, and services
// on them.
func ExampleCatalog_Register() {
	client, stop := exampleClient()
	defer stop()
	ctx := context.Background()

	err := client.Catalog().Register(ctx, &api.CatalogRegistration{
		Node: "db-host", Address: "10.0.0.7",
		Service: &api.Service{Service: "postgres", Port: 5432, Tags: []string{"primary"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	list, _, err := client.Catalog().Service(ctx, "postgres", &api.QueryOptions{Tags: []string{"primary"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range list {
		fmt.Println(s.Node, s.Address, s.ServicePort, s.ServiceTags)
	}
	err = client.Catalog().Deregister(ctx, &api.CatalogDeregistration{Node: "db-host"})
	fmt.Println(err)
	// Output:
	// db-host 10.0.0.7 5432 [primary]
	// <nil>
}

func ExampleClient_WatchService() {
	client, stop := exampleClient()
	defer stop()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	err := client.WatchService(ctx, "web", nil, func(entries []*api.Entry, _ api.QueryMeta) {
		fmt.Println(len(entries), "instances")
		switch len(entries) {
		case 0: // somebody registers one: the watch sees it
			err := client.Agent().RegisterService(ctx, &api.ServiceRegistration{Name: "web", Port: 80})
			if err != nil {
				fmt.Println(err)
			}
		default:
			cancel()
		}
	})
	fmt.Println(err)
	// Output:
	// 0 instances
	// 1 instances
	// context canceled
}

// Watch follows anything the client can read, in whatever form is wanted: here
// a key as text.
func ExampleWatch() {
	client, stop := exampleClient()
	defer stop()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	put := func(color string) {
		if err := client.KV().Put(ctx, &api.KVPair{Key: "color", Value: []byte(color)}); err != nil {
			fmt.Println(err)
		}
	}
	put("red")
	fetch := func(ctx context.Context, q *api.QueryOptions) (string, api.QueryMeta, error) {
		p, meta, err := client.KV().Get(ctx, "color", q)
		if err != nil {
			return "", meta, err
		}
		return string(p.Value), meta, nil
	}
	err := api.Watch(ctx, fetch, func(color string, _ api.QueryMeta) {
		fmt.Println(color)
		if color == "red" {
			put("blue")
			return
		}
		cancel()
	}, nil)
	fmt.Println(err)
	// Output:
	// red
	// blue
	// context canceled
}

func ExampleQueries_Execute() {
	client, stop := exampleClient()
	defer stop()
	ctx := context.Background()
	for i, tag := range []string{"blue", "green"} {
		err := client.Catalog().Register(ctx, &api.CatalogRegistration{
			Node: fmt.Sprintf("n%d", i+1), Address: fmt.Sprintf("10.0.0.%d", i+1),
			Service: &api.Service{Service: "web", Port: 80, Tags: []string{tag}},
		})
		if err != nil {
			fmt.Println(err)
			return
		}
	}

	_, err := client.Queries().Create(ctx, &api.PreparedQuery{
		Name:    "live-web",
		Service: api.ServiceQuery{Service: "web", OnlyPassing: true, Tags: []string{"green"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	res, _, err := client.Queries().Execute(ctx, "live-web", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range res.Nodes {
		fmt.Println(res.Service, e.Node.Node, e.Service.Tags)
	}
	// Output: web n2 [green]
}

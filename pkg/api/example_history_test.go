package api_test

import (
	"context"
	"fmt"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// What became of an instance, when and why, is remembered by every server.
func ExampleHistory_Service() {
	client, stop := exampleClient()
	defer stop()
	ctx := context.Background()
	err := client.Agent().RegisterService(ctx, &api.ServiceRegistration{
		ID: "web-1", Name: "web", Port: 80,
		Check: &api.CheckRegistration{Status: api.Passing, CheckDefinition: api.CheckDefinition{TTL: api.Duration(time.Hour)}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := client.Agent().FailTTL(ctx, "service:web-1", "disk full"); err != nil {
		fmt.Println(err)
		return
	}
	if err := client.Agent().DeregisterService(ctx, "web-1"); err != nil {
		fmt.Println(err)
		return
	}

	events, _, err := client.History().Service(ctx, "web", &api.QueryOptions{Since: time.Now().Add(-time.Hour)})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range events {
		fmt.Printf("%s %s %q: %q -> %q, %q, asked by %q\n", e.Kind, e.ServiceID, e.CheckID, e.From, e.To, e.Reason, e.Client)
	}
	// Output:
	// registered web-1 "": "" -> "", "", asked by "127.0.0.1"
	// check web-1 "service:web-1": "passing" -> "critical", "disk full", asked by "127.0.0.1"
	// removed web-1 "": "" -> "", "deregistered", asked by "127.0.0.1"
}

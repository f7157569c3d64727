// Command discover prints where the healthy instances of the hello service are.
package main

import (
	"fmt"
	"log"

	"github.com/hashicorp/consul/api"
)

func main() {
	client, err := api.NewClient(api.DefaultConfig())
	if err != nil {
		log.Fatal(err)
	}
	entries, _, err := client.Health().Service("greeter", "greeter", true, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, entry := range entries {
		fmt.Printf("%s:%d\n", entry.Service.Address, entry.Service.Port)
	}
}

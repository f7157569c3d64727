// Command register registers the hello service, on port 8080 or the one that
// PORT says.
package main

import (
	"cmp"
	"log"
	"os"
	"strconv"

	"github.com/hashicorp/consul/api"
)

func main() {
	client, err := api.NewClient(api.DefaultConfig())
	if err != nil {
		log.Fatal(err)
	}
	port, err := strconv.Atoi(cmp.Or(os.Getenv("PORT"), "8080"))
	if err != nil {
		log.Fatal(err)
	}
	err = client.Agent().ServiceRegister(&api.AgentServiceRegistration{
		ID:      "greeter-service",
		Name:    "greeter",
		Port:    port,
		Address: "localhost",
		Tags:    []string{"greeter"},
	})
	if err != nil {
		log.Fatal(err)
	}
	log.Println("registered greeter-service")
}

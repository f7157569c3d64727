// Package grpcbalance lets gRPC clients find and balance over the instances of
// a service in the registry, by the policies of package balance:
//
//	grpcbalance.Register() // once, when the program starts
//	conn, err := grpc.NewClient("registry:///greeter",
//		grpc.WithResolvers(grpcbalance.NewResolver(balance.NewDirectory(client))),
//		grpc.WithTransportCredentials(…))
//
// It is a module of its own, so that package balance needs the standard
// library only.
package grpcbalance

import (
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
	"google.golang.org/grpc/resolver"

	"github.com/registryd/registryd/pkg/balance"
)

// Scheme is that of targets: registry:///NAME.
const Scheme = "registry"

// policyName is what gRPC knows our picking by. It is in the service config
// that the resolver gives it.
const policyName = "registry_balance"

// Register tells gRPC of the balancer that connections with this package's
// resolver use. It must be called once before the first of them is made, and
// not at the same time as anything else that registers with gRPC.
func Register() {
	balancer.Register(base.NewBalancerBuilder(policyName, pickers{}, base.Config{}))
}

// NewResolver returns the resolver of registry:/// targets. Each connection
// opens a balancer of the directory, with the options, and closes it when it
// is closed.
func NewResolver(d *balance.Directory, opts ...balance.Option) resolver.Builder {
	return &builder{d: d, opts: opts}
}

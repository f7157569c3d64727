package grpcbalance

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/resolver"

	"github.com/registryd/registryd/pkg/api"
	"github.com/registryd/registryd/pkg/balance"
)

// firstAnswer is how long calls wait for the registry's first answer before
// they fail.
const firstAnswer = 5 * time.Second

// balancerOf is the attribute of an address that carries its *balance.Balancer
// to the picker.
type balancerOf struct{}

type builder struct {
	d    *balance.Directory
	opts []balance.Option
}

// Scheme is that of the targets that the resolver is asked for.
func (*builder) Scheme() string { return Scheme }

// Build starts to resolve a target.
func (b *builder) Build(target resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	service := strings.Trim(target.Endpoint(), "/")
	bal, err := b.d.Open(service, b.opts...)
	if err != nil {
		return nil, fmt.Errorf("target %s: %w", target.URL.String(), err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &watcher{b: bal, cc: cc, cancel: cancel, done: make(chan struct{})}
	go r.run(ctx)
	return r, nil
}

// watcher tells gRPC of the instances of a service.
type watcher struct {
	b      *balance.Balancer
	cc     resolver.ClientConn
	cancel context.CancelFunc
	done   chan struct{}
	end    sync.Once
}

// ResolveNow is a hint that news are wanted. They come by themselves.
func (*watcher) ResolveNow(resolver.ResolveNowOptions) {}

// Close ends the watch.
func (w *watcher) Close() {
	w.end.Do(func() {
		w.cancel()
		<-w.done
		_ = w.b.Close() // never fails
	})
}

func (w *watcher) run(ctx context.Context) {
	defer close(w.done)
	config := w.cc.ParseServiceConfig(fmt.Sprintf(`{"loadBalancingConfig":[{%q:{}}]}`, policyName))
	late := time.NewTimer(firstAnswer)
	defer late.Stop()
	for {
		list, changed := w.b.Instances()
		if s := w.b.Status(); !s.Updated.IsZero() {
			late.Stop()
			// An error asks for another resolution. It will come with the next
			// change, and not before.
			_ = w.cc.UpdateState(resolver.State{Addresses: w.addresses(list), ServiceConfig: config})
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-late.C:
			w.cc.ReportError(api.E(api.Unavailable, "registry has not answered about service "+w.b.Service()+": "+w.b.Status().Err))
		}
	}
}

func (w *watcher) addresses(list []balance.Instance) []resolver.Address {
	attr := attributes.New(balancerOf{}, w.b)
	out := make([]resolver.Address, len(list))
	for i, in := range list {
		out[i] = resolver.Address{Addr: in.Addr(), Attributes: attr}
	}
	return out
}

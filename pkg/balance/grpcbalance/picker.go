package grpcbalance

import (
	"context"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/registryd/registryd/pkg/balance"
)

// pickers makes a picker whenever a connection becomes ready or is lost.
type pickers struct{}

// Build returns the picker for the connections that are ready.
func (pickers) Build(info base.PickerBuildInfo) balancer.Picker {
	p := &picker{conns: make(map[string]balancer.SubConn, len(info.ReadySCs))}
	for conn, at := range info.ReadySCs {
		p.conns[at.Address.Addr] = conn
		if b, ok := at.Address.Attributes.Value(balancerOf{}).(*balance.Balancer); ok {
			p.b = b
		}
	}
	if p.b == nil {
		return base.NewErrPicker(balancer.ErrNoSubConnAvailable)
	}
	return p
}

// picker asks the service's balancer, for instances that gRPC is connected to.
type picker struct {
	b     *balance.Balancer
	conns map[string]balancer.SubConn // by address
}

// Pick chooses the connection for a call.
func (p *picker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	in, done, err := p.b.PickExcept(info.Ctx, p.unconnected)
	if err != nil {
		// Connected ones are left out by the registry or ejected, the others
		// are being connected to: the next picker will know more.
		return balancer.PickResult{}, balancer.ErrNoSubConnAvailable
	}
	return balancer.PickResult{
		SubConn: p.conns[in.Addr()],
		Done:    func(i balancer.DoneInfo) { done.Report(outcome(i.Err)) },
	}, nil
}

func (p *picker) unconnected(in balance.Instance) bool { return p.conns[in.Addr()] == nil }

// outcome is what a call's error says about the instance: codes with which
// servers answer wrong or refused calls are no failure of theirs.
func outcome(err error) error {
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Internal, codes.DataLoss:
		return err
	case codes.Canceled:
		return context.Canceled
	}
	return nil
}

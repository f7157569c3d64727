package registry

import "context"

// clientKey marks a context, see WithClient.
type clientKey struct{}

// WithClient returns a context for what a client at the address asks for. The
// address, without port, is written with what it changes.
func WithClient(ctx context.Context, address string) context.Context {
	return context.WithValue(ctx, clientKey{}, address)
}

// clientOf returns the address of the client that a request comes from, empty
// if it comes from this server itself.
func clientOf(ctx context.Context) string {
	address, _ := ctx.Value(clientKey{}).(string)
	return address
}

package registry

import "context"

// localKey marks a context, see Local.
type localKey struct{}

// Local returns a context for registering what stands in this server's own
// configuration files: whoever may write those may be trusted with more than
// whoever reaches the API (enable_local_script_checks).
func Local(ctx context.Context) context.Context { return context.WithValue(ctx, localKey{}, true) }

func isLocal(ctx context.Context) bool { return ctx.Value(localKey{}) != nil }

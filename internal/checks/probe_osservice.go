package checks

import (
	"context"
	"fmt"
	"strings"

	"github.com/registryd/registryd/pkg/api"
)

// probeOSService asks systemd for a service of this host: active is passing, on
// its way there a warning, anything else critical.
func (p *prober) probeOSService(ctx context.Context, def *api.CheckDefinition) (status, output string) {
	said := tail{limit: p.limit(def)}
	code, err := command(ctx, &said, []string{p.systemctl, "is-active", "--", def.OSService})
	if err != nil {
		return failed(err)
	}
	state := strings.TrimSpace(said.String())
	switch {
	case code == 0:
		return api.Passing, fmt.Sprintf("Service %q is healthy", def.OSService)
	case ctx.Err() != nil:
		return timedOut(def, kindOSService, state)
	case state == "activating", state == "reloading":
		return api.Warning, fmt.Sprintf("Service %q is %s", def.OSService, state)
	}
	return api.Critical, fmt.Sprintf("Service %q is not active: %s", def.OSService, state)
}

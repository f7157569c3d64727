package httpapi

import (
	"net/http"
	"net/http/pprof"
)

// debugRoutes serves the profiles of Go's runtime, with enable_debug only:
// they cost CPU and tell about the inside.
func (h *Handler) debugRoutes() {
	if !h.cfg.Debug {
		return
	}
	h.mux.HandleFunc("/debug/pprof/*", pprof.Index)
	for name, f := range map[string]http.HandlerFunc{"cmdline": pprof.Cmdline, "profile": pprof.Profile, "symbol": pprof.Symbol, "trace": pprof.Trace} {
		h.mux.HandleFunc("/debug/pprof/"+name, f)
	}
}

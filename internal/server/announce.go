package server

import (
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/registryd/registryd/internal/config"
)

// Announce says who this server is and where it answers: to w in a few lines,
// or in one line of the log if the log is JSON, so that whoever reads w can
// decode every line of it.
func (s *Server) Announce(w io.Writer) {
	c := s.Config()
	facts := []struct {
		key, title string
		values     []string
	}{
		{"node", "Node", []string{c.NodeName + " (" + c.NodeID + ")"}},
		{"datacenter", "Datacenter", []string{c.Datacenter}},
		{"http", "HTTP API", urls("http", s.doors.http)},
		{"https", "HTTPS API", urls("https", s.doors.https)},
		{"dns", "DNS", s.doors.dns},
		{"server_port", "Server port", []string{s.advertise}},
		{"data", "Data", []string{c.DataDir}},
	}
	if c.Log.JSON {
		pairs := []any{"version", config.Version, "consul_version", s.version()}
		for _, f := range facts {
			if len(f.values) > 0 {
				pairs = append(pairs, f.key, strings.Join(f.values, ", "))
			}
		}
		s.log.Info("registryd is running", pairs...)
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "==> registryd %s (Consul %s API) is running\n", config.Version, s.version())
	for _, f := range facts {
		for _, v := range f.values {
			fmt.Fprintf(&b, "%14s: %s\n", f.title, v)
		}
	}
	fmt.Fprintln(w, b.String())
}

func urls(scheme string, ls []net.Listener) []string {
	var list []string
	for _, l := range ls {
		list = append(list, scheme+"://"+l.Addr().String())
	}
	return list
}

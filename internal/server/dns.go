package server

import "github.com/registryd/registryd/internal/config"

// openDNS serves names.
func (s *Server) openDNS() error { return nil }

// reloadDNS takes new settings of how names are answered.
func (s *Server) reloadDNS(*config.Config) {}

// dnsAddrs are the addresses that names are answered on.
func (s *Server) dnsAddrs() []string { return nil }

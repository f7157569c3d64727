package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
)

// listen binds a TCP address; key is what sets its port in the configuration.
func listen(addr, key string) (net.Listener, error) {
	ln, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, cannotListen(addr, key, err)
	}
	return ln, nil
}

// cannotListen says why an address could not be bound and what helps.
func cannotListen(addr, key string, err error) error {
	advice := "stop what uses the port, or choose another"
	switch {
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		setting := "client_addr (-client) or addresses." + strings.TrimPrefix(key, "ports.")
		if key == "ports.server" || key == "ports.serf_lan" {
			setting = "bind_addr (-bind)"
		}
		advice = "no interface of this host has the address, choose one of its own with " + setting
	case errors.Is(err, syscall.EACCES):
		advice = "choose a port from 1024 on, or give the server the right to lower ones (CAP_NET_BIND_SERVICE)"
	}
	return fmt.Errorf("cannot listen on %s (%s): %w; %s", addr, key, err, advice)
}

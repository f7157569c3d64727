package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// settings is what the flags say.
type settings struct {
	listen    string
	advertise string // address told to the registry; empty means found out
	name, id  string
	tag, zone string
	weight    int
	registry  []string
	interval  time.Duration // of the health check
	grace     time.Duration
}

// serve runs a greeter until ctx ends: it listens, registers, and on the way
// out deregisters first, serves for the grace period those who have not heard
// of that yet, and finishes what is under way.
func serve(ctx context.Context, s settings, log *slog.Logger) error {
	l, err := net.Listen("tcp", s.listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	client, err := api.New(api.Config{Addresses: s.registry})
	if err != nil {
		_ = l.Close()
		return err
	}
	defer client.Close()
	reg, err := registration(s, l.Addr().(*net.TCPAddr), client.Addresses())
	if err != nil {
		_ = l.Close()
		return err
	}
	srv := &http.Server{Handler: handler(reg.ID), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	log.Info("greeter listens", "id", reg.ID, "address", l.Addr().String())

	registered, err := register(ctx, client, reg, log)
	if err == nil {
		log.Info("greeter is registered", "id", reg.ID)
		select {
		case <-ctx.Done():
			log.Info("greeter deregisters", "id", reg.ID)
			err = registered.Close()
			linger(s.grace)
		case err = <-served:
			return errors.Join(err, registered.Close())
		}
	} else if ctx.Err() != nil {
		err = nil // stopped before the registry could be reached
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err = errors.Join(err, srv.Shutdown(stop))
	<-served
	return err
}

func linger(d time.Duration) { <-time.After(d) }

// handler says hello, and that it is well.
func handler(id string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		who := r.URL.Query().Get("name")
		if who == "" {
			who = "world"
		}
		fmt.Fprintf(w, "Hello, %s! This is %s.\n", who, id)
	})
	return mux
}

// registration is how the registry is to list the greeter and check it. The
// address is the greeter's own, so that it does not depend on the life of the
// server that it was registered through.
func registration(s settings, at *net.TCPAddr, registry []string) (*api.ServiceRegistration, error) {
	host := s.advertise
	switch {
	case host != "":
	case !at.IP.IsUnspecified():
		host = at.IP.String()
	default:
		var err error
		if host, err = outward(registry[0]); err != nil {
			return nil, err
		}
	}
	id := s.id
	if id == "" {
		id = s.name + "-" + strconv.Itoa(at.Port)
	}
	reg := &api.ServiceRegistration{
		ID: id, Name: s.name, Address: host, Port: at.Port,
		Weights: &api.Weights{Passing: s.weight, Warning: 1},
		Check: &api.CheckRegistration{
			Name:   "hello",
			Status: api.Passing, // it listens already
			CheckDefinition: api.CheckDefinition{
				HTTP:     "http://" + net.JoinHostPort(host, strconv.Itoa(at.Port)) + "/health",
				Interval: api.Duration(s.interval),
				Timeout:  api.Duration(s.interval),
				// Of a greeter that never comes back nothing should stay.
				DeregisterCriticalServiceAfter: api.Duration(10 * time.Minute),
			},
		},
	}
	if s.tag != "" {
		reg.Tags = strings.Split(s.tag, ",")
	}
	if s.zone != "" {
		reg.Meta = map[string]string{"zone": s.zone}
	}
	return reg, nil
}

// outward is our address as the registry would see it. Nothing is sent: for
// UDP, to connect is to look up the route.
func outward(registry string) (string, error) {
	host := registry
	if u, err := url.Parse(registry); err == nil && u.Host != "" {
		host = u.Host
	}
	if _, _, err := net.SplitHostPort(host); err != nil {
		host = net.JoinHostPort(host, "8500")
	}
	conn, err := net.Dial("udp", host)
	if err != nil {
		return "", fmt.Errorf("find own address (-advertise says it): %w", err)
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).IP.String(), nil
}

// register tries until the registry takes the greeter.
func register(ctx context.Context, client *api.Client, reg *api.ServiceRegistration, log *slog.Logger) (*api.Registration, error) {
	o := &api.RegistrationOptions{
		Interval: 5 * time.Second,
		OnError:  func(err error) { log.Warn("registration is in doubt", "error", err) },
	}
	for {
		r, err := client.Register(ctx, reg, o)
		if err == nil || ctx.Err() != nil || errors.Is(err, api.Invalid) || errors.Is(err, api.Forbidden) {
			return r, err
		}
		log.Warn("registry does not take the greeter yet", "error", err)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
}

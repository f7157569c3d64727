package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/pkg/api"
)

// definition is a service instance as flags define it.
type definition struct {
	service api.ServiceRegistration
	http    string
	tcp     string
	ttl     time.Duration
	every   time.Duration
}

// flags defines the flags: Consul's, and some for a simple check.
func (d *definition) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	s := &d.service
	f.StringVar(&s.Name, "name", "", "`name` of the service")
	f.StringVar(&s.ID, "id", "", "`ID` of the instance; the name by default")
	f.StringVar(&s.Address, "address", "", "`address` of the instance; the server's by default")
	f.IntVar(&s.Port, "port", 0, "`port` of the instance")
	f.StringArrayVar(&s.Tags, "tag", nil, "`tag` of the instance; may be repeated")
	metaVar(f, &s.Meta, "meta", "metadata; may be repeated")
	f.Var(taggedFlag{&s.TaggedAddresses}, "tagged-address", "address as seen from somewhere, such as wan=1.2.3.4:80; may be repeated")
	f.StringVar(&s.Kind, "kind", "", "accepted for Consul's command lines")
	_ = f.MarkHidden("kind")
	f.StringVar(&d.http, "check-http", "", "check the instance by asking this `URL`")
	f.StringVar(&d.tcp, "check-tcp", "", "check it by connecting to this `host:port`")
	f.DurationVar(&d.ttl, "check-ttl", 0, "turn it critical unless it reports within this `time`")
	f.DurationVar(&d.every, "check-interval", 10*time.Second, "`time` from check to check")
}

// given reports whether flags define a service.
func (d *definition) given() bool { return d.service.Name != "" || d.service.ID != "" }

// registration is the service that the flags define.
func (d *definition) registration() (*api.ServiceRegistration, error) {
	if d.service.Name == "" {
		return nil, usagef("give a file with service definitions, or at least -name")
	}
	s := d.service
	switch {
	case d.http != "":
		s.Checks = append(s.Checks, &api.CheckRegistration{CheckDefinition: api.CheckDefinition{HTTP: d.http, Interval: api.Duration(d.every)}})
	case d.tcp != "":
		s.Checks = append(s.Checks, &api.CheckRegistration{CheckDefinition: api.CheckDefinition{TCP: d.tcp, Interval: api.Duration(d.every)}})
	}
	if d.ttl > 0 {
		s.Checks = append(s.Checks, &api.CheckRegistration{CheckDefinition: api.CheckDefinition{TTL: api.Duration(d.ttl)}})
	}
	return &s, nil
}

package config

import (
	"fmt"
	"strings"

	"github.com/registryd/registryd/pkg/api"
)

// definitions reads service and check definitions.
type definitions struct {
	// ignored is told of fields that are accepted and have no effect.
	ignored func(name string, at place)
	// found is told where each definition stands, which is given as a pointer.
	found func(definition any, at place)
}

// nowhere marks such fields.
type nowhere struct{}

// services adds the service definitions in v, an object or a list of them.
func (d definitions) services(dst *[]*api.ServiceRegistration, v value) error {
	for _, item := range v.list() {
		s := &api.ServiceRegistration{}
		err := d.fields(item, serviceFields(s))
		if err == nil {
			err = checkService(s)
		}
		if err != nil {
			return blame(item.at, label("service", s.Name), err)
		}
		d.found(s, item.at)
		*dst = append(*dst, s)
	}
	return nil
}

// checks adds the check definitions in v, an object or a list of them.
func (d definitions) checks(dst *[]*api.CheckRegistration, v value, inService bool) error {
	for _, item := range v.list() {
		c, err := d.check(item, inService)
		if err != nil {
			return err
		}
		*dst = append(*dst, c)
	}
	return nil
}

func (d definitions) check(v value, inService bool) (*api.CheckRegistration, error) {
	c := &api.CheckRegistration{}
	fields := checkFields(c)
	// H2PING checks use TLS unless told otherwise, which a plain bool cannot
	// say; so see whether something was told.
	h2pingTLS := true
	fields["h2pingusetls"] = &h2pingTLS
	err := d.fields(v, fields)
	if inService {
		c.CheckID, c.ID = c.ID, ""
	}
	c.H2PingUseTLS = c.H2PING != "" && h2pingTLS
	if err == nil {
		err = checkCheck(c, inService)
	}
	if err != nil {
		return nil, blame(v.at, label("check", c.Name), err)
	}
	d.found(c, v.at)
	return c, nil
}

// fields puts the fields of v where dsts says. Names may be written in snake
// case, in camel case, or without any case, as the various generations of
// tools do.
func (d definitions) fields(v value, dsts map[string]any) error {
	return assignObject(v, func(f field) error {
		dst, ok := dsts[plain(f.name)]
		if !ok {
			return blame(f.value.at, "key", fmt.Errorf("%q is unknown", f.name))
		}
		switch dst := dst.(type) {
		case nowhere:
			// An empty block in one asks for something: sidecar_service {}.
			if len(f.value.fields) > 0 || !f.value.asksForNothing() {
				d.ignored(plain(f.name), f.value.at)
			}
		case **api.CheckRegistration:
			c, err := d.check(f.value, true)
			*dst = c
			return err
		case *[]*api.CheckRegistration:
			return d.checks(dst, f.value, true)
		default:
			return blame(f.value.at, f.name, assign(dst, f.value))
		}
		return nil
	})
}

// assignFields is fields for small objects that hold plain values only.
func assignFields(v value, dsts map[string]any) error {
	return definitions{}.fields(v, dsts)
}

// plain is a field's name without the differences of spelling.
func plain(name string) string {
	return strings.ToLower(strings.ReplaceAll(name, "_", ""))
}

// label names a definition in messages.
func label(noun, name string) string {
	if name == "" {
		return noun
	}
	return fmt.Sprintf("%s %q", noun, clip(name))
}

func serviceFields(s *api.ServiceRegistration) map[string]any {
	return map[string]any{
		"kind":              &s.Kind,
		"id":                &s.ID,
		"name":              &s.Name,
		"tags":              &s.Tags,
		"address":           &s.Address,
		"taggedaddresses":   &s.TaggedAddresses,
		"meta":              &s.Meta,
		"port":              &s.Port,
		"socketpath":        &s.SocketPath,
		"weights":           &s.Weights,
		"enabletagoverride": &s.EnableTagOverride,
		"token":             &s.Token,
		"check":             &s.Check,
		"checks":            &s.Checks,
		// Of the mesh and of the paid edition.
		"proxy":     nowhere{},
		"connect":   nowhere{},
		"locality":  nowhere{},
		"namespace": nowhere{},
		"partition": nowhere{},
	}
}

func checkFields(c *api.CheckRegistration) map[string]any {
	return map[string]any{
		"id":                             &c.ID,
		"checkid":                        &c.ID,
		"name":                           &c.Name,
		"notes":                          &c.Notes,
		"status":                         &c.Status,
		"serviceid":                      &c.ServiceID,
		"token":                          &c.Token,
		"http":                           &c.HTTP,
		"method":                         &c.Method,
		"header":                         &c.Header,
		"body":                           &c.Body,
		"disableredirects":               &c.DisableRedirects,
		"tlsservername":                  &c.TLSServerName,
		"tlsskipverify":                  &c.TLSSkipVerify,
		"tcp":                            &c.TCP,
		"tcpusetls":                      &c.TCPUseTLS,
		"udp":                            &c.UDP,
		"grpc":                           &c.GRPC,
		"grpcusetls":                     &c.GRPCUseTLS,
		"h2ping":                         &c.H2PING,
		"args":                           &c.Args,
		"scriptargs":                     &c.Args,
		"dockercontainerid":              &c.DockerContainerID,
		"shell":                          &c.Shell,
		"osservice":                      &c.OSService,
		"aliasnode":                      &c.AliasNode,
		"aliasservice":                   &c.AliasService,
		"ttl":                            &c.TTL,
		"interval":                       &c.Interval,
		"timeout":                        &c.Timeout,
		"successbeforepassing":           &c.SuccessBeforePassing,
		"failuresbeforewarning":          &c.FailuresBeforeWarning,
		"failuresbeforecritical":         &c.FailuresBeforeCritical,
		"deregistercriticalserviceafter": &c.DeregisterCriticalServiceAfter,
		"outputmaxsize":                  &c.OutputMaxSize,
		"observers":                      &c.Observers,
		// Of the paid edition.
		"namespace": nowhere{},
		"partition": nowhere{},
	}
}

func addressFields(a *api.ServiceAddress) map[string]any {
	return map[string]any{"address": &a.Address, "port": &a.Port}
}

func weightFields(w *api.Weights) map[string]any {
	return map[string]any{"passing": &w.Passing, "warning": &w.Warning}
}

// checkService refuses what could never be registered. The rest is judged when
// the service is registered, by the rules for all registrations.
func checkService(s *api.ServiceRegistration) error {
	if s.Name == "" {
		return fmt.Errorf("needs a name: add name = \"…\"")
	}
	return nil
}

func checkCheck(c *api.CheckRegistration, inService bool) error {
	switch {
	case !inService && c.ID == "" && c.Name == "":
		return fmt.Errorf("needs a name: add name = \"…\"")
	case c.TTL != 0 && c.Interval != 0:
		return fmt.Errorf("has both ttl and interval: keep one")
	case c.TTL < 0 || c.Interval < 0 || c.Timeout < 0:
		return fmt.Errorf("has a duration below zero")
	case c.Status != "" && c.Status != api.Passing && c.Status != api.Warning && c.Status != api.Critical:
		return fmt.Errorf("has status %q: use passing, warning or critical", clip(c.Status))
	case c.FailuresBeforeCritical > 0 && c.FailuresBeforeWarning > c.FailuresBeforeCritical:
		return fmt.Errorf("has failures_before_warning above failures_before_critical")
	}
	return nil
}

package checks

import (
	"fmt"
	"strings"

	"github.com/registryd/registryd/pkg/api"
)

// kind is what a check does.
type kind uint8

const (
	kindNone kind = iota
	kindTTL
	kindHTTP
	kindTCP
	kindUDP
	kindGRPC
	kindH2Ping
	kindScript
	kindAlias
	kindDocker
	kindOSService
)

// String returns what Check.Type shows.
func (k kind) String() string {
	return [...]string{"", "ttl", "http", "tcp", "udp", "grpc", "h2ping", "script", "alias", "docker", "os_service"}[k]
}

// kindsOf lists what def asks for. A definition that can be run asks for one
// thing.
func kindsOf(def *api.CheckDefinition) []kind {
	var ks []kind
	add := func(set bool, k kind) {
		if set {
			ks = append(ks, k)
		}
	}
	add(def.GRPC != "", kindGRPC)
	add(def.TTL > 0, kindTTL)
	add(def.AliasNode != "" || def.AliasService != "", kindAlias)
	add(len(def.Args) > 0 && def.DockerContainerID == "", kindScript)
	add(def.HTTP != "", kindHTTP)
	add(def.TCP != "", kindTCP)
	add(def.UDP != "", kindUDP)
	add(def.DockerContainerID != "", kindDocker)
	add(def.H2PING != "", kindH2Ping)
	add(def.OSService != "", kindOSService)
	return ks
}

// TypeOf returns what kind of check def is, as Check.Type shows it: "ttl",
// "http", "tcp", "udp", "grpc", "h2ping", "script", "alias", "docker" or
// "os_service". It is empty for nil and for a definition that names none.
func TypeOf(def *api.CheckDefinition) string {
	return kindOf(def).String()
}

// kindOf returns the first kind of def, kindNone if it has none.
func kindOf(def *api.CheckDefinition) kind {
	if def == nil {
		return kindNone
	}
	if ks := kindsOf(def); len(ks) > 0 {
		return ks[0]
	}
	return kindNone
}

// Validate says why def cannot be run: an api.Invalid error for a definition
// that makes no sense, api.Refused for a command while scripts is false. Nil
// means it can be. Addresses are not looked at: a check that cannot be reached
// is critical and says why.
func Validate(def *api.CheckDefinition, scripts bool) error {
	if def == nil {
		return invalid("a check needs a definition")
	}
	if err := validateNumbers(def); err != nil {
		return err
	}
	ks := kindsOf(def)
	if len(ks) > 1 {
		names := make([]string, len(ks))
		for i, k := range ks {
			names[i] = k.String()
		}
		return invalid("a check has exactly one kind of probe, not " + strings.Join(names, " and "))
	}
	if def.TTL > 0 && def.Interval > 0 {
		return invalid("Interval and TTL cannot both be specified")
	}
	if err := ValidateObservers(def); err != nil {
		return err
	}
	switch k := kindOf(def); k {
	case kindNone:
		return invalid("TTL must be > 0 for TTL checks, and no other kind of probe (HTTP, TCP, UDP, GRPC, H2PING, Args, AliasService, OSService) is given")
	case kindTTL, kindAlias:
		return nil
	case kindDocker, kindScript:
		if k == kindDocker && len(def.Args) == 0 {
			return invalid("a check with DockerContainerID needs Args, the command to run there")
		}
		if def.Interval == 0 {
			return needsInterval(k)
		}
		if !scripts {
			return api.E(api.Refused, "Scripts are disabled on this agent; to enable, configure 'enable_script_checks' or 'enable_local_script_checks' to true")
		}
	default:
		if def.Interval == 0 {
			return needsInterval(k)
		}
	}
	return nil
}

// ValidateObservers says why as many servers as def asks for cannot run it.
func ValidateObservers(def *api.CheckDefinition) error {
	switch k := kindOf(def); {
	case def.Observers < 0 || def.Observers > api.MaxObservers:
		return invalid(fmt.Sprintf("Observers is %d: a check is run by 1 to %d servers", def.Observers, api.MaxObservers))
	case def.Observers <= 1:
	case k == kindTTL:
		return invalid("Observers and TTL cannot both be specified: heartbeats reach one server")
	case k == kindScript, k == kindDocker, k == kindOSService, k == kindAlias:
		return invalid(fmt.Sprintf("Observers must not be above 1 for %s checks: only one server can tell", k))
	}
	return nil
}

func validateNumbers(def *api.CheckDefinition) error {
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"TTL", int64(def.TTL)},
		{"Interval", int64(def.Interval)},
		{"Timeout", int64(def.Timeout)},
		{"DeregisterCriticalServiceAfter", int64(def.DeregisterCriticalServiceAfter)},
		{"OutputMaxSize", int64(def.OutputMaxSize)},
		{"SuccessBeforePassing", int64(def.SuccessBeforePassing)},
		{"FailuresBeforeWarning", int64(def.FailuresBeforeWarning)},
		{"FailuresBeforeCritical", int64(def.FailuresBeforeCritical)},
	} {
		if f.value < 0 {
			return invalid(f.name + " must not be negative")
		}
	}
	if def.FailuresBeforeWarning > def.FailuresBeforeCritical {
		return invalid("FailuresBeforeWarning can't be higher than FailuresBeforeCritical")
	}
	return nil
}

func needsInterval(k kind) error {
	return invalid(fmt.Sprintf("Interval must be > 0 for %s checks", k))
}

func invalid(msg string) error { return api.E(api.Invalid, msg) }

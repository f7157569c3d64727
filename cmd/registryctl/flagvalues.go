package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/registryd/registryd/pkg/api"
)

// flagFault words what is wrong with a flag. For values of Go's own kinds the
// library's words would be those of the function that reads them.
func flagFault(err error) string {
	var bad *pflag.InvalidValueError
	if !errors.As(err, &bad) {
		return err.Error()
	}
	var want string
	switch kind := bad.GetFlag().Value.Type(); kind {
	case "bool":
		want = "true or false"
	case "int":
		want = "a whole number"
	case "uint", "uint64":
		want = "a whole number from 0 on"
	case "duration":
		want = "a time such as 500ms, 10s or 5m"
	default:
		return err.Error()
	}
	if errors.Is(err, strconv.ErrRange) {
		want = "a smaller number"
	}
	return fmt.Sprintf("--%s needs %s, not %q", bad.GetFlag().Name, want, bad.GetValue())
}

// metaFlag is a flag of the form key=value that may be repeated. Unlike
// pflag's own it takes commas as part of the value.
type metaFlag struct{ to *map[string]string }

func metaVar(f *pflag.FlagSet, to *map[string]string, name, usage string) {
	f.Var(metaFlag{to}, name, usage)
}

func (m metaFlag) String() string { return "" }
func (m metaFlag) Type() string   { return "key=value" }

func (m metaFlag) Set(s string) error {
	key, value, ok := strings.Cut(s, "=")
	if !ok || key == "" {
		return fmt.Errorf("want key=value")
	}
	if *m.to == nil {
		*m.to = map[string]string{}
	}
	(*m.to)[key] = value
	return nil
}

// taggedFlag is a flag of the form name=address:port that may be repeated.
type taggedFlag struct {
	to *map[string]api.ServiceAddress
}

func (a taggedFlag) String() string { return "" }
func (a taggedFlag) Type() string   { return "name=address:port" }

func (a taggedFlag) Set(s string) error {
	name, addr, ok := strings.Cut(s, "=")
	if !ok || name == "" {
		return fmt.Errorf("want name=address:port")
	}
	host, portText, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("want name=address:port")
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return fmt.Errorf("port %q is no number", portText)
	}
	if *a.to == nil {
		*a.to = map[string]api.ServiceAddress{}
	}
	(*a.to)[name] = api.ServiceAddress{Address: host, Port: port}
	return nil
}

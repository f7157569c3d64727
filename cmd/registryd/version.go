package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/registryd/registryd/internal/config"
)

// version prints the version, as text or, for programs, as one JSON object.
// Programs are told the version of Consul whose interface they may expect.
func version(args []string, w io.Writer) error {
	format := ""
	fs := newFlagSet()
	fs.StringVar(&format, "format", "pretty", "")
	if err := parseInto(fs, args); err != nil {
		return err
	}
	switch format {
	case "pretty":
		_, err := fmt.Fprintf(w, "registryd %s\nspeaks the API of Consul %s\n", config.Version, config.ConsulVersion)
		return err
	case "json":
		return json.NewEncoder(w).Encode(struct {
			Version          string
			RegistrydVersion string
		}{config.ConsulVersion, config.Version})
	}
	return fmt.Errorf("format %q is unknown: use pretty or json", format)
}

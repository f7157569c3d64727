package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/registryd/registryd/internal/config"
)

// validate checks configuration files without starting anything.
func validate(args []string, w io.Writer) error {
	var s config.Sources
	quiet := false
	fs := newFlagSet()
	fs.StringVar(&s.Format, "config-format", "", "")
	fs.BoolVar(&quiet, "quiet", false, "")
	if err := parseInto(fs, args); err != nil {
		return err
	}
	s.Paths = fs.Args()
	if len(s.Paths) == 0 {
		return errors.New("validate needs a file or directory (see registryd -help)")
	}
	c, err := config.Load(s)
	if err != nil {
		return err
	}
	if quiet {
		return nil
	}
	for _, line := range c.Warnings {
		fmt.Fprintf(w, "warning: %s\n", line)
	}
	_, err = fmt.Fprintln(w, "Configuration is valid!")
	return err
}

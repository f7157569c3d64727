package config

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/registryd/registryd/pkg/api"
)

// Sources says where the configuration comes from. What comes later here wins.
type Sources struct {
	// Dev starts from the defaults of development mode.
	Dev bool
	// Paths are files and directories, read in this order. Of a directory the
	// files that end in .hcl or .json are read in alphabetical order, those of
	// directories in it are not.
	Paths []string
	// Format, "hcl" or "json", is that of all files whatever their names; empty
	// goes by the names.
	Format string
	// Settings are keys given on the command line.
	Settings []Setting
	// Fragments are pieces of HCL given on the command line.
	Fragments []string
	// Host is the machine to resolve for; nil means ThisHost.
	Host *Host
}

// Setting is one key given on the command line.
type Setting struct {
	Key    string // dotted, such as "ports.http"
	Value  string // of a map: key:value
	Origin string // for messages, such as "-http-port"
}

// Load reads the sources, merges them over the defaults, and works out and
// validates the rest. It only reads: a reload and a mere check use it too. An
// error is one line that says where, what, and how to mend it.
func Load(s Sources) (*Config, error) {
	l, err := read(s)
	if err != nil {
		return nil, err
	}
	host := ThisHost()
	if s.Host != nil {
		host = *s.Host
	}
	if err := l.resolve(host); err != nil {
		return nil, err
	}
	if err := l.validate(); err != nil {
		return nil, err
	}
	return l.c, nil
}

// read merges the sources over the defaults.
func read(s Sources) (*loader, error) {
	l := newLoader(Default())
	if s.Dev {
		l = newLoader(DefaultDev())
	}
	if s.Format != "" && s.Format != "hcl" && s.Format != "json" {
		return nil, fmt.Errorf("config format %q is unknown: use hcl or json", clip(s.Format))
	}
	for _, p := range s.Paths {
		files, err := filesAt(p, s.Format)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			if err := l.file(f, s.Format); err != nil {
				return nil, err
			}
		}
	}
	for _, set := range s.Settings {
		if err := l.setting(set); err != nil {
			return nil, err
		}
	}
	for _, text := range s.Fragments {
		v, err := parse("-hcl", "hcl", []byte(text))
		if err != nil {
			return nil, err
		}
		if err := l.apply(v); err != nil {
			return nil, err
		}
	}
	l.settleTwice()
	return l, nil
}

// filesAt lists the files to read for a path.
func filesAt(path, format string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	if !info.IsDir() {
		if format == "" && formatOf(path) == "" {
			return nil, fmt.Errorf("config file %s ends in neither .hcl nor .json: rename it or set -config-format", path)
		}
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path) // sorted by name
	if err != nil {
		return nil, unreadable(path, err)
	}
	var files []string
	for _, e := range entries {
		file := filepath.Join(path, e.Name())
		if format == "" && formatOf(file) == "" {
			continue
		}
		// A link counts as what it leads to.
		if info, err := os.Stat(file); err != nil {
			return nil, unreadable(file, err)
		} else if !info.IsDir() {
			files = append(files, file)
		}
	}
	return files, nil
}

func unreadable(path string, err error) error {
	if pathErr, ok := err.(*fs.PathError); ok {
		err = pathErr.Err
	}
	return fmt.Errorf("read configuration %s: %w", path, err)
}

// formatOf is the format a file's name tells, or empty.
func formatOf(path string) string {
	switch filepath.Ext(path) {
	case ".hcl":
		return "hcl"
	case ".json":
		return "json"
	}
	return ""
}

func (l *loader) file(path, format string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return unreadable(path, err)
	}
	l.c.Files = append(l.c.Files, path)
	v, err := parse(path, firstOf(format, formatOf(path)), data)
	if err != nil {
		return err
	}
	return l.apply(v)
}

// setting merges a key of the command line.
func (l *loader) setting(s Setting) error {
	at := place{source: s.Origin}
	e, ok := table().byPath[s.Key]
	if !ok {
		// The flag stands for a key that is not served.
		v := value{kind: text, text: s.Value, at: at}
		if s.Value == "false" {
			v.kind = boolean
		}
		return l.field(s.Key, v, false)
	}
	v := value{kind: text, text: s.Value, at: at}
	switch e.of(l.c).(type) {
	case *bool:
		v.kind = boolean
	case *int:
		if _, err := strconv.Atoi(s.Value); err == nil {
			v.kind = number
		}
	case *map[string]string:
		k, item, ok := strings.Cut(s.Value, ":")
		if !ok {
			return at.errorf("needs key:value, not %q", clip(s.Value))
		}
		v = value{kind: object, at: at, fields: []field{{k, value{kind: text, text: item, at: at}}}}
	}
	l.set[e.path] = at
	if why := withoutEffect[e.path]; why != "" && !v.asksForNothing() {
		l.warn(e.path, "%s has no effect: %s", s.Origin, why)
	}
	if err := assign(e.of(l.c), v); err != nil {
		return fmt.Errorf("%s %w", s.Origin, err)
	}
	return nil
}

// ParseServices reads the service definitions in a file, HCL or JSON, that is
// laid out as a configuration file; other keys in it must be valid and are
// ignored. The format goes by the name; a name that tells none is read as HCL,
// or as JSON if the text begins with a brace.
func ParseServices(name string, data []byte) ([]*api.ServiceRegistration, error) {
	l := newLoader(Default())
	v, err := parse(name, firstOf(formatOf(name), "hcl"), data)
	if err != nil {
		return nil, err
	}
	if err := l.apply(v); err != nil {
		return nil, err
	}
	return l.c.Services, nil
}

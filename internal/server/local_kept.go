package server

import (
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/registryd/registryd/internal/registry"
	"github.com/registryd/registryd/internal/wholefile"
	"github.com/registryd/registryd/pkg/api"
)

// localKeptFile is in the data directory.
const localKeptFile = "definitions.json"

// localKept is what this server remembers of the services and checks that it
// registered from its configuration files, so that it can deregister them when
// they are gone from there, even if that was while it was down. A thing is kept
// from before it is registered until after it is deregistered.
type localKept struct {
	Services map[string]keptService // by ID
	Checks   map[string]string      // service ID, or none, by ID; those of services too

	path  string
	saved string // what the file says
	log   *slog.Logger
}

// keptService tells an instance from others of its ID.
type keptService struct {
	Name, Address string
	Port          int
}

// openLocalKept reads what is kept in a data directory. What cannot be read is
// logged, and nothing is kept then.
func openLocalKept(dir string, log *slog.Logger) *localKept {
	k := &localKept{path: filepath.Join(dir, localKeptFile), log: log}
	text, err := os.ReadFile(k.path)
	if err == nil {
		k.saved = string(text)
		err = json.Unmarshal(text, k)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Error("what was registered from the configuration files is not known, so what is gone from them stays registered", "file", k.path, "error", err)
		k.Services, k.Checks = nil, nil
	}
	if k.Services == nil {
		k.Services = map[string]keptService{}
	}
	if k.Checks == nil {
		k.Checks = map[string]string{}
	}
	return k
}

// expect keeps a service with its checks before it is registered for the first
// time. The function it returns takes that back.
func (k *localKept) expect(reg *api.ServiceRegistration) (forget func()) {
	id := registry.ServiceID(reg)
	var undo []func()
	if _, ok := k.Services[id]; !ok {
		k.Services[id] = identify(reg)
		undo = append(undo, func() { delete(k.Services, id) })
	}
	for _, c := range registry.ServiceCheckIDs(reg) {
		undo = append(undo, k.expectCheck(c, id))
	}
	return func() {
		for _, f := range undo {
			f()
		}
	}
}

// expectCheck does the same for a check.
func (k *localKept) expectCheck(id, service string) (forget func()) {
	if _, ok := k.Checks[id]; ok {
		return func() {}
	}
	k.Checks[id] = service
	return func() { delete(k.Checks, id) }
}

// registered notes that a service is now as it is defined.
func (k *localKept) registered(reg *api.ServiceRegistration) {
	id := registry.ServiceID(reg)
	k.Services[id] = identify(reg)
	for _, c := range registry.ServiceCheckIDs(reg) {
		k.Checks[c] = id
	}
}

func identify(reg *api.ServiceRegistration) keptService {
	return keptService{Name: reg.Name, Address: reg.Address, Port: reg.Port}
}

// save writes the file unless it says the same already.
func (k *localKept) save() {
	if k.saved == "" && len(k.Services)+len(k.Checks) == 0 {
		return
	}
	text, err := json.Marshal(k)
	if err == nil && string(text) != k.saved {
		err = wholefile.Write(k.path, text)
		k.saved = string(text) // a file that cannot be written is tried again with the next change
	}
	if err != nil {
		k.log.Error("what is registered from the configuration files cannot be kept, so what goes from them while the server is down stays registered", "file", k.path, "error", err)
	}
}

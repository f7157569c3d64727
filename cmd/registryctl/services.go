package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/internal/config"
	"github.com/registryd/registryd/pkg/api"
)

func (t *tool) services() *cobra.Command {
	return parent("services", "Register, deregister and list service instances",
		t.servicesRegister(), t.servicesDeregister(), t.servicesList())
}

func (t *tool) servicesRegister() *cobra.Command {
	var d definition
	cmd := &cobra.Command{
		Use:   "register [FILE...]",
		Short: "Register service instances, from files or as the flags say",
		Long: `Registers the service definitions in files laid out as configuration files, HCL
or JSON ("-" is standard input), or else one instance as the flags say.`,
		Example: `  registryctl services register web.hcl
  registryctl services register -name=web -id=web-1 -address=10.0.0.5 -port=80 -tag=v2
  registryctl services register -name=web -port=80 --check-http=http://10.0.0.5/health`,
		Args: args(0, -1),
		RunE: func(cmd *cobra.Command, files []string) error {
			services, err := t.definitions(files, d)
			if err != nil {
				return err
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			var ids []string
			for _, s := range services {
				if err := c.Agent().RegisterService(cmd.Context(), s); err != nil {
					return fmt.Errorf("register service %q: %w", s.Name, err)
				}
				ids = append(ids, cmp.Or(s.ID, s.Name))
			}
			return t.show(struct{ Registered []string }{ids}, func(w io.Writer) {
				for _, s := range services {
					fmt.Fprintf(w, "Registered service: %s\n", s.Name)
				}
			})
		},
	}
	d.flags(cmd)
	return cmd
}

func (t *tool) servicesDeregister() *cobra.Command {
	var d definition
	cmd := &cobra.Command{
		Use:   "deregister [FILE...]",
		Short: "Deregister service instances, those in files or the one with -id",
		Example: `  registryctl services deregister -id=web-1
  registryctl services deregister web.hcl`,
		Args: args(0, -1),
		RunE: func(cmd *cobra.Command, files []string) error {
			if len(files) == 0 && d.service.ID == "" {
				return usagef("give the -id of the instance, or a file that defines it")
			}
			d.service.Name = d.service.ID
			services, err := t.definitions(files, d)
			var missing *fs.PathError
			switch {
			case errors.As(err, &missing) && errors.Is(err, fs.ErrNotExist):
				return fmt.Errorf("%w; for the instance with that ID write -id=%s", err, missing.Path)
			case err != nil:
				return err
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			var ids []string
			for _, s := range services {
				id := cmp.Or(s.ID, s.Name)
				if err := c.Agent().DeregisterService(cmd.Context(), id); err != nil {
					return fmt.Errorf("deregister service %q: %w", id, err)
				}
				ids = append(ids, id)
			}
			return t.show(struct{ Deregistered []string }{ids}, func(w io.Writer) {
				for _, id := range ids {
					fmt.Fprintf(w, "Deregistered service: %s\n", id)
				}
			})
		},
	}
	cmd.Flags().StringVar(&d.service.ID, "id", "", "`ID` of the instance")
	completeBy(cmd, "id", t.serviceIDs())
	return cmd
}

func (t *tool) servicesList() *cobra.Command {
	var local bool
	var s selection
	cmd := &cobra.Command{
		Use:   "list [SERVICE]",
		Short: "List service instances with their address and state",
		Long: `Lists the instances of all services, or of one, in the whole cluster; with
--local only those registered through the server that is asked.`,
		Example: "  registryctl services list\n  registryctl services list web --passing",
		Args:    args(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			var entries []*api.Entry
			if len(args) > 0 {
				entries, _, err = c.Health().Service(cmd.Context(), args[0], s.apply(t.read()))
			} else {
				entries, err = everyInstance(cmd.Context(), c, s.apply(t.read()))
			}
			if err == nil && local {
				entries, err = onlyLocal(cmd.Context(), c, entries)
			}
			if err != nil {
				return err
			}
			return t.show(list(entries), func(w io.Writer) { printInstances(w, entries) })
		},
		ValidArgsFunction: first(t.serviceNames()),
	}
	cmd.Flags().BoolVar(&local, "local", false, "only instances registered through this server")
	s.flags(cmd, t)
	return cmd
}

// onlyLocal keeps the entries that were registered through the server asked.
func onlyLocal(ctx context.Context, c *api.Client, entries []*api.Entry) ([]*api.Entry, error) {
	mine, err := c.Agent().Services(ctx, "")
	return slices.DeleteFunc(entries, func(e *api.Entry) bool { return mine[e.Service.ID] == nil }), err
}

func printInstances(w io.Writer, entries []*api.Entry) {
	var rows [][]string
	for _, e := range entries {
		rows = append(rows, []string{e.Service.Service, e.Service.ID, e.Node.Node, hostPort(e), e.Status(), tagList(e)})
	}
	table(w, "Service|ID|Node|Address|Status|Tags", rows)
}

// definitions reads the services in files, or takes the one that flags define.
func (t *tool) definitions(files []string, d definition) ([]*api.ServiceRegistration, error) {
	if len(files) == 0 {
		s, err := d.registration()
		return []*api.ServiceRegistration{s}, err
	}
	if d.given() {
		return nil, usagef("give either files or flags that define a service, not both")
	}
	var all []*api.ServiceRegistration
	for _, name := range files {
		data, err := t.readFile(name)
		if err != nil {
			return nil, err
		}
		services, err := config.ParseServices(name, data)
		if err != nil {
			return nil, err
		}
		if len(services) == 0 {
			return nil, fmt.Errorf("%s defines no service: it needs service { … }", name)
		}
		all = append(all, services...)
	}
	return all, nil
}

// readFile reads a file; "-" is standard input.
func (t *tool) readFile(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(t.in)
	}
	return os.ReadFile(name)
}

package consumers

import (
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul-template/config"
	"github.com/hashicorp/consul-template/manager"
	"github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/test/compat/internal/rig"
)

const backends = `{{ range service "tpl-web" }}server {{ .Name }} {{ .Address }}:{{ .Port }}
{{ end }}greeting {{ key "tpl/greeting" }}
{{ range ls "tpl/dir" }}{{ .Key }}={{ .Value }} {{ end }}
{{ range services }}{{ if eq .Name "tpl-web" }}listed {{ .Tags | join "," }}{{ end }}{{ end }}
`

// testConsulTemplate renders the configuration of a load balancer from
// services and keys, and renders it anew whenever they change.
func testConsulTemplate(t *testing.T, s stage) {
	log.SetOutput(io.Discard) // the library logs to the standard logger
	client := s.client(t)
	web := func(n int, status string) {
		t.Helper()
		rig.Eventually(t, "register an instance", func() error {
			_, err := client.Catalog().Register(&api.CatalogRegistration{
				Node: fmt.Sprintf("tpl-node-%d", n), Address: fmt.Sprintf("10.2.0.%d", n),
				Service: &api.AgentService{ID: fmt.Sprintf("tpl-web-%d", n), Service: "tpl-web", Tags: []string{"http"}, Port: 80},
				Check:   &api.AgentCheck{CheckID: fmt.Sprintf("tpl-check-%d", n), Status: status, ServiceID: fmt.Sprintf("tpl-web-%d", n)},
			}, nil)
			return err
		})
	}
	web(1, api.HealthPassing)
	web(2, api.HealthPassing)
	put(t, client, "tpl/greeting", "hello")
	put(t, client, "tpl/dir/a", "1")

	out := filepath.Join(t.TempDir(), "backends")
	contents := backends
	tmpl := config.DefaultTemplateConfig()
	tmpl.Contents, tmpl.Destination = &contents, &out
	tmpl.Finalize()
	c := config.DefaultConfig()
	c.Templates = &config.TemplateConfigs{tmpl}
	c.Consul.Address = config.String(s.front)
	c.Consul.Retry = &config.RetryConfig{Attempts: config.Int(0), Backoff: config.TimeDuration(50 * time.Millisecond), MaxBackoff: config.TimeDuration(time.Second)}
	c.Finalize()
	runner, err := manager.NewRunner(c, false)
	require.NoError(t, err)
	go runner.Start()
	defer runner.Stop()

	expect := func(want ...string) {
		t.Helper()
		text := strings.Join(want, "\n") + "\n"
		rig.Eventually(t, "the rendered file", func() error {
			select {
			case err := <-runner.ErrCh:
				t.Fatalf("consul-template ended: %v", err)
			default:
			}
			raw, err := os.ReadFile(out)
			if err == nil && string(raw) != text {
				err = fmt.Errorf("it is\n%s", raw)
			}
			return err
		})
	}
	expect("server tpl-web 10.2.0.1:80", "server tpl-web 10.2.0.2:80", "greeting hello", "a=1 ", "listed http")
	s.afterTheKill(t)
	web(3, api.HealthPassing)
	web(1, api.HealthCritical)
	put(t, client, "tpl/greeting", "good day")
	put(t, client, "tpl/dir/b", "2")
	expect("server tpl-web 10.2.0.2:80", "server tpl-web 10.2.0.3:80", "greeting good day", "a=1 b=2 ", "listed http")
}

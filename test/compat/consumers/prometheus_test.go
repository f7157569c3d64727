package consumers

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/discovery"
	promconsul "github.com/prometheus/prometheus/discovery/consul"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/test/compat/internal/rig"
)

// testPrometheus finds scrape targets as Prometheus does.
func testPrometheus(t *testing.T, s stage) {
	client := s.client(t)
	exporter := func(n int) {
		t.Helper()
		rig.Eventually(t, "register an exporter", func() error {
			_, err := client.Catalog().Register(&api.CatalogRegistration{
				Node: fmt.Sprintf("prom-node-%d", n), Address: fmt.Sprintf("10.3.0.%d", n), NodeMeta: map[string]string{"rack": "r1"},
				Service: &api.AgentService{ID: fmt.Sprintf("exporter-%d", n), Service: "exporter", Tags: []string{"metrics"}, Port: 9100},
			}, nil)
			return err
		})
	}
	exporter(1)
	c := promconsul.DefaultSDConfig
	c.Server, c.ServiceTags, c.RefreshInterval = s.front, []string{"metrics"}, model.Duration(time.Second)
	metrics := c.NewDiscovererMetrics(prometheus.NewRegistry(), discovery.NewRefreshMetrics(prometheus.NewRegistry()))
	require.NoError(t, metrics.Register())
	defer metrics.Unregister()
	d, err := c.NewDiscoverer(discovery.DiscovererOptions{Logger: slog.New(slog.DiscardHandler), Metrics: metrics})
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(t.Context())
	updates := make(chan []*targetgroup.Group)
	var running sync.WaitGroup
	running.Go(func() { d.Run(ctx, updates) })
	defer running.Wait()
	defer cancel()

	expect := func(want ...string) {
		t.Helper()
		for {
			var got []string
			for _, group := range rig.Within(t, "targets "+fmt.Sprint(want), updates) {
				for _, target := range group.Targets {
					got = append(got, string(target[model.AddressLabel]))
					require.Equal(t, model.LabelValue(",metrics,"), target[model.MetaLabelPrefix+"consul_tags"])
					require.Equal(t, model.LabelValue("r1"), target[model.MetaLabelPrefix+"consul_metadata_rack"])
				}
			}
			if fmt.Sprint(got) == fmt.Sprint(want) {
				return
			}
		}
	}
	expect("10.3.0.1:9100")
	s.afterTheKill(t)
	exporter(2)
	expect("10.3.0.1:9100", "10.3.0.2:9100")
}

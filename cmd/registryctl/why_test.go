package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

func TestRunnerAndRemedy(t *testing.T) {
	s := &surroundings{servers: map[string]string{"s1": "alive", "s2": "alive", "s3": "failed"}}
	for _, c := range []struct {
		check       api.Check
		run, remedy string
	}{
		{api.Check{Node: "S1", CheckID: "a", Type: "ttl"}, "server S1 watches the time", "checks pass a"},
		{api.Check{Node: "s1", Type: "http", Interval: "10s", Timeout: "2s"}, "server s1, every 10s", "a status of 2xx within 2s"},
		{api.Check{Node: "ext", Definition: &api.CheckDefinition{TCP: "h:1", Interval: api.Duration(5 * time.Second)}},
			"one of the servers s1, s2, every 5s", "h:1 accepts a connection"},
		{api.Check{Node: "ext"}, "nobody here", "whoever registered it"},
		{api.Check{Node: "s3", CheckID: api.SerfHealth}, "the leader, by the heartbeats of server s3", "registryctl force-leave s3"},
		{api.Check{Node: "s1", CheckID: api.NodeMaintenance}, "somebody set it by hand", "registryctl maint -disable, asked of server s1"},
		{api.Check{Node: "s1", CheckID: api.ServiceMaintenancePrefix + "w"}, "somebody set it by hand", "-service=w"},
		{api.Check{Node: "s1", Type: "script"}, "server s1", "exit code 0"},
		{api.Check{Node: "s1", Type: "alias", Definition: &api.CheckDefinition{AliasService: "db"}}, "server s1", "passes: db"},
	} {
		require.Contains(t, s.runner(&c.check), c.run)
		require.Contains(t, remedy(&c.check, nil), c.remedy)
	}
}

func TestAgo(t *testing.T) {
	require.Equal(t, "index 7, the newest change of the cluster", ago(7, 7))
	require.Equal(t, "index 7, 1 change of the cluster ago", ago(7, 8))
	require.Equal(t, "index 7, 93 changes of the cluster ago", ago(7, 100))
}

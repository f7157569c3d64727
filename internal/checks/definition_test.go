package checks

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

func TestValidate(t *testing.T) {
	const fine = api.Kind(255)
	type def = api.CheckDefinition
	const s = api.Duration(1e9)
	args := []string{"/bin/true"}
	for name, c := range map[string]struct {
		def     *def
		scripts bool
		want    api.Kind
		typ     string
	}{
		"nil":                    {nil, true, api.Invalid, ""},
		"empty":                  {&def{}, true, api.Invalid, ""},
		"ttl":                    {&def{TTL: s}, false, fine, "ttl"},
		"negative ttl":           {&def{TTL: -s}, false, api.Invalid, ""},
		"ttl and interval":       {&def{TTL: s, Interval: s}, false, api.Invalid, "ttl"},
		"ttl and http":           {&def{TTL: s, HTTP: "http://x"}, false, api.Invalid, "ttl"},
		"http":                   {&def{HTTP: "http://x", Interval: s}, false, fine, "http"},
		"http alone":             {&def{HTTP: "http://x"}, false, api.Invalid, "http"},
		"tcp":                    {&def{TCP: "x:1", Interval: s}, false, fine, "tcp"},
		"tcp, no interval":       {&def{TCP: "x:1"}, false, api.Invalid, "tcp"},
		"tcp and http":           {&def{TCP: "x:1", HTTP: "http://x", Interval: s}, false, api.Invalid, "http"},
		"udp":                    {&def{UDP: "x:1", Interval: s}, false, fine, "udp"},
		"grpc":                   {&def{GRPC: "x:1", Interval: s}, false, fine, "grpc"},
		"h2ping":                 {&def{H2PING: "x:1", Interval: s}, false, fine, "h2ping"},
		"os service":             {&def{OSService: "sshd", Interval: s}, false, fine, "os_service"},
		"alias":                  {&def{AliasService: "x"}, false, fine, "alias"},
		"alias of a node":        {&def{AliasNode: "x"}, false, fine, "alias"},
		"alias and tcp":          {&def{AliasService: "x", TCP: "x:1", Interval: s}, false, api.Invalid, "alias"},
		"alias and ttl":          {&def{AliasService: "x", TTL: s}, false, api.Invalid, "ttl"},
		"script":                 {&def{Args: args, Interval: s}, true, fine, "script"},
		"script, off":            {&def{Args: args, Interval: s}, false, api.Refused, "script"},
		"script alone":           {&def{Args: args}, false, api.Invalid, "script"},
		"docker":                 {&def{Args: args, DockerContainerID: "c", Interval: s}, true, fine, "docker"},
		"docker, off":            {&def{Args: args, DockerContainerID: "c", Interval: s}, false, api.Refused, "docker"},
		"docker, no args":        {&def{DockerContainerID: "c", Interval: s}, true, api.Invalid, "docker"},
		"negative interval":      {&def{TCP: "x:1", Interval: -s}, false, api.Invalid, "tcp"},
		"negative timeout":       {&def{TCP: "x:1", Interval: s, Timeout: -s}, false, api.Invalid, "tcp"},
		"negative output":        {&def{TTL: s, OutputMaxSize: -3}, false, api.Invalid, "ttl"},
		"negative success":       {&def{TTL: s, SuccessBeforePassing: -1}, false, api.Invalid, "ttl"},
		"warning above critical": {&def{TTL: s, FailuresBeforeWarning: 2, FailuresBeforeCritical: 1}, false, api.Invalid, "ttl"},
		"warning at critical":    {&def{TTL: s, FailuresBeforeWarning: 2, FailuresBeforeCritical: 2}, false, fine, "ttl"},
		"observers":              {&def{TCP: "x:1", Interval: s, Observers: 3}, false, fine, "tcp"},
		"one observer":           {&def{TTL: s, Observers: 1}, false, fine, "ttl"},
		"too many observers":     {&def{TCP: "x:1", Interval: s, Observers: 8}, false, api.Invalid, "tcp"},
		"observers below zero":   {&def{TCP: "x:1", Interval: s, Observers: -1}, false, api.Invalid, "tcp"},
		"observed ttl":           {&def{TTL: s, Observers: 2}, false, api.Invalid, "ttl"},
		"observed script":        {&def{Args: args, Interval: s, Observers: 2}, true, api.Invalid, "script"},
		"observed container":     {&def{Args: args, DockerContainerID: "c", Interval: s, Observers: 2}, true, api.Invalid, "docker"},
		"observed alias":         {&def{AliasService: "x", Observers: 2}, false, api.Invalid, "alias"},
		"observed os service":    {&def{OSService: "sshd", Interval: s, Observers: 2}, false, api.Invalid, "os_service"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.typ, TypeOf(c.def))
			err := Validate(c.def, c.scripts)
			if c.want == fine {
				require.NoError(t, err)
				return
			}
			requireKind(t, c.want, err)
		})
	}
}

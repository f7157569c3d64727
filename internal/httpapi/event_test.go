package httpapi

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

func TestEvents(t *testing.T) {
	d := open(t, Config{})
	d.rows(t, []row{
		{"GET", "/v1/event/list", "", 200, "[]"},
		{"PUT", "/v1/event/fire/", "", 400, "Missing name"},
		{"PUT", "/v1/event/fire/e?node=(", "", 500, "Invalid node filter…"},
		{"PUT", "/v1/event/fire/e?service=(", "", 500, "Invalid service filter…"},
		{"PUT", "/v1/event/fire/e?service=web&tag=(", "", 500, "Invalid tag filter…"},
		{"PUT", "/v1/event/fire/e?tag=v1", "", 500, "Cannot provide tag filter without service filter"},
		{"PUT", "/v1/event/fire/e", strings.Repeat("p", 500), 500, "user event exceeds the limit of 460 bytes…"},
		{"PUT", "/v1/event/fire/e", strings.Repeat("p", 70000), 413, "Value exceeds 65536 byte limit…"},
		{"PUT", "/v1/event/fire/e?dc=mars", "", 500, "No path to datacenter"},
		{"PUT", "/v1/event/fire/deploy?node=.*&service=web&tag=v[0-9]%2B", "v 7", 200,
			`{"ID":"…","Name":"deploy","Payload":"diA3","NodeFilter":".*","ServiceFilter":"web","TagFilter":"v[0-9]+","Version":1,"LTime":0}`},
		{"PUT", "/v1/event/fire/other", "", 200, `{"ID":"…","Name":"other","Payload":null,…,"Version":1,"LTime":0}`},
		{"GET", "/v1/event/list?name=none", "", 200, "[]"},
		{"GET", "/v1/event/list?index=x", "", 400, "Invalid index"},
		{"GET", "/v1/event/list?dc=mars", "", 500, "No path to datacenter"},
		{"PUT", "/v1/event/list", "", 405, "method PUT not allowed"},
	})
	list := func(target string) (names []string, index string) {
		t.Helper()
		var l []api.UserEvent
		d.get(target, &l)
		for i, e := range l {
			require.NotZero(t, e.LTime)
			require.True(t, i == 0 || e.LTime > l[i-1].LTime, "in order")
			names = append(names, e.Name)
		}
		return names, d.do("GET", target, "").Header().Get("X-Consul-Index")
	}
	all, newest := list("/v1/event/list")
	require.Equal(t, []string{"deploy", "other"}, all)
	one, index := list("/v1/event/list?name=deploy")
	require.Equal(t, []string{"deploy"}, one)
	require.NotEqual(t, newest, index, "it is that of the last one listed")
	// Only exactly that index waits.
	_, again := list("/v1/event/list?name=deploy&wait=1ms&index=" + index)
	require.Equal(t, index, again)
	_, other := list("/v1/event/list?name=deploy&wait=10m&index=" + newest)
	require.Equal(t, index, other)
}

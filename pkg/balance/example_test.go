package balance_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"

	"github.com/registryd/registryd/pkg/api"
	"github.com/registryd/registryd/pkg/balance"
)

// startGreeter runs a greeter and a registry that lists it.
func startGreeter() (registry string, stop func()) {
	greeter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello from %s", r.Host)
	}))
	host, port, _ := net.SplitHostPort(greeter.Listener.Addr().String())
	answer := fmt.Sprintf(`[{"Node":{"Node":"n1"},"Service":{"ID":"greeter-1","Service":"greeter","Address":%q,"Port":%s},"Checks":[]}]`, host, port)
	reg := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("index") != "" {
			<-r.Context().Done() // nothing ever changes
			return
		}
		w.Header().Set("X-Consul-Index", "7")
		_, _ = io.WriteString(w, answer)
	}))
	return reg.URL, func() { reg.Close(); greeter.Close() }
}

func ExampleNew() {
	registry, stop := startGreeter()
	defer stop()
	client, err := api.New(api.Config{Addresses: []string{registry}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	b, err := balance.New(client, "greeter", balance.WithPolicy(balance.LeastRequests()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	in, done, err := b.Pick(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	resp, err := http.Get("http://" + in.Addr())
	done.Report(err)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(in.ID(), resp.StatusCode)
	// Output: greeter-1 200
}

func ExampleTransport() {
	registry, stop := startGreeter()
	defer stop()
	client, err := api.New(api.Config{Addresses: []string{registry}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	t := balance.NewDirectory(client).Transport(balance.TransportConfig{})
	defer t.Close()
	web := &http.Client{Transport: t}
	resp, err := web.Get("http://greeter/")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	fmt.Println(string(text), err)
	// Output: hello from greeter <nil>
}

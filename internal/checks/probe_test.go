package checks

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// tryFor probes once with a real network and the given time.
func tryFor(t *testing.T, p *prober, d time.Duration, def api.CheckDefinition) (status, output string) {
	t.Helper()
	require.NoError(t, Validate(&def, true))
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	return p.run(ctx, named("a"), kindOf(&def), &def)
}

func try(t *testing.T, def api.CheckDefinition) (status, output string) {
	t.Helper()
	def.Interval = api.Duration(time.Second)
	return tryFor(t, newProber(Config{}.withDefaults()), 10*time.Second, def)
}

// deaf returns the address of a listener that never answers.
func deaf(t *testing.T) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { ln.Close() })
	return ln.Addr().String()
}

// closedAddr returns an address where nobody listens.
func closedAddr(t *testing.T) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	return ln.Addr().String()
}

func TestHTTPProbe(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		fmt.Fprintf(w, "%s host=%s X-Trace=%s agent=%s accept=%s close=%v body=%s", req.Method, req.Host,
			strings.Join(req.Header["X-Trace"], ","), req.UserAgent(), req.Header.Get("Accept"), req.Close, body)
	})
	mux.HandleFunc("/away", func(w http.ResponseWriter, req *http.Request) { http.Redirect(w, req, "/echo", http.StatusFound) })
	mux.HandleFunc("/big", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("0123456789", 900)) })
	mux.HandleFunc("/busy", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) })
	plain, secure := httptest.NewServer(mux), tlsServer(t, mux)
	t.Cleanup(plain.Close)
	modern := h2Server(t, true, mux)

	for name, c := range map[string]struct {
		def            api.CheckDefinition
		status, output string
	}{
		"plain": {api.CheckDefinition{HTTP: plain.URL + "/echo"}, api.Passing,
			"HTTP GET " + plain.URL + "/echo: 200 OK Output: GET host=" + strings.TrimPrefix(plain.URL, "http://") +
				" X-Trace= agent=Consul Health Check accept=text/plain, text/*, */* close=true body="},
		"all fields": {api.CheckDefinition{HTTP: plain.URL + "/echo", Method: "POST", Body: "ping",
			Header: map[string][]string{"X-Trace": {"one", "two"}, "Host": {"probe.example.com"}, "User-Agent": {"me"}}},
			api.Passing, "Output: POST host=probe.example.com X-Trace=one,two agent=me accept=text/plain, text/*, */* close=true body=ping"},
		"redirect":         {api.CheckDefinition{HTTP: plain.URL + "/away"}, api.Passing, "200 OK"},
		"redirect, not":    {api.CheckDefinition{HTTP: plain.URL + "/away", DisableRedirects: true}, api.Critical, "302 Found"},
		"missing":          {api.CheckDefinition{HTTP: plain.URL + "/nowhere"}, api.Critical, "404 Not Found"},
		"busy":             {api.CheckDefinition{HTTP: plain.URL + "/busy"}, api.Warning, "429 Too Many Requests"},
		"refused":          {api.CheckDefinition{HTTP: "http://" + closedAddr(t)}, api.Critical, "connection refused"},
		"no address":       {api.CheckDefinition{HTTP: "http://["}, api.Critical, "missing ']'"},
		"unknown tls":      {api.CheckDefinition{HTTP: secure.URL + "/echo"}, api.Critical, "certificate"},
		"unknown tls, ok":  {api.CheckDefinition{HTTP: secure.URL + "/echo", TLSSkipVerify: true}, api.Passing, "200 OK"},
		"http/2":           {api.CheckDefinition{HTTP: "https://" + modern + "/echo", TLSSkipVerify: true}, api.Passing, "200 OK"},
		"own output limit": {api.CheckDefinition{HTTP: plain.URL + "/big", OutputMaxSize: 12}, api.Passing, "Output: 890123456789"},
	} {
		t.Run(name, func(t *testing.T) {
			status, output := try(t, c.def)
			require.Equal(t, c.status, status, output)
			require.Contains(t, output, c.output)
		})
	}
	_, output := try(t, api.CheckDefinition{HTTP: plain.URL + "/big"})
	require.Less(t, len(output), DefaultOutputMax+200)
	status, output := tryFor(t, newProber(Config{TLSConfig: secure.Client().Transport.(*http.Transport).TLSClientConfig}.withDefaults()),
		10*time.Second, api.CheckDefinition{HTTP: secure.URL + "/echo", TLSServerName: "example.com", Interval: 1})
	require.Equal(t, api.Passing, status, output)
	status, output = tryFor(t, newProber(Config{}.withDefaults()), 50*time.Millisecond,
		api.CheckDefinition{HTTP: "http://" + deaf(t), Interval: 1})
	require.Equal(t, api.Critical, status)
	require.Contains(t, output, "deadline exceeded")
}

func TestTCPProbe(t *testing.T) {
	secure := tlsServer(t, http.NotFoundHandler())
	open, tlsAddr := deaf(t), secure.Listener.Addr().String()

	status, output := try(t, api.CheckDefinition{TCP: open})
	require.Equal(t, "passing TCP connect "+open+": Success", status+" "+output)
	status, output = try(t, api.CheckDefinition{TCP: closedAddr(t)})
	require.Equal(t, api.Critical, status)
	require.Contains(t, output, "connection refused")
	status, output = try(t, api.CheckDefinition{TCP: tlsAddr, TCPUseTLS: true, TLSSkipVerify: true})
	require.Equal(t, "passing TCP+TLS connect "+tlsAddr+": Success", status+" "+output)
	status, _ = try(t, api.CheckDefinition{TCP: tlsAddr, TCPUseTLS: true})
	require.Equal(t, api.Critical, status)
	status, _ = tryFor(t, newProber(Config{}.withDefaults()), 50*time.Millisecond,
		api.CheckDefinition{TCP: open, TCPUseTLS: true, Interval: 1})
	require.Equal(t, api.Critical, status)
}

func TestUDPProbe(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	p := newProber(Config{}.withDefaults())
	status, output := tryFor(t, p, 50*time.Millisecond, api.CheckDefinition{UDP: silent.LocalAddr().String(), Interval: 1})
	require.Equal(t, "passing UDP connect "+silent.LocalAddr().String()+": Success", status+" "+output)

	nobody, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody.Close()
	status, output = tryFor(t, p, 10*time.Second, api.CheckDefinition{UDP: nobody.LocalAddr().String(), Interval: 1})
	require.Equal(t, api.Critical, status)
	require.Contains(t, output, "connection refused")
}

func TestH2PingProbe(t *testing.T) {
	plain, secure := h2Server(t, false, http.NotFoundHandler()), h2Server(t, true, http.NotFoundHandler())
	old := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(old.Close)
	for name, c := range map[string]struct {
		def            api.CheckDefinition
		status, output string
	}{
		"plain":           {api.CheckDefinition{H2PING: plain}, api.Passing, "HTTP2 ping was successful"},
		"tls":             {api.CheckDefinition{H2PING: secure, H2PingUseTLS: true, TLSSkipVerify: true}, api.Passing, "HTTP2 ping was successful"},
		"tls, unknown":    {api.CheckDefinition{H2PING: secure, H2PingUseTLS: true}, api.Critical, "Failed to dial"},
		"refused":         {api.CheckDefinition{H2PING: closedAddr(t)}, api.Critical, "Failed to dial"},
		"http/1.1 server": {api.CheckDefinition{H2PING: old.Listener.Addr().String()}, api.Critical, "HTTP2 ping failed"},
	} {
		t.Run(name, func(t *testing.T) {
			status, output := try(t, c.def)
			require.Equal(t, c.status, status, output)
			require.Contains(t, output, c.output)
		})
	}
	status, output := tryFor(t, newProber(Config{}.withDefaults()), 50*time.Millisecond, api.CheckDefinition{H2PING: deaf(t), Interval: 1})
	require.Equal(t, api.Critical, status)
	require.Contains(t, output, "timeout")
}

// h2Server serves HTTP/2, with TLS or without, and returns its address.
func h2Server(t *testing.T, useTLS bool, h http.Handler) string {
	s := quietServer(t, h)
	s.Config.Protocols = new(http.Protocols)
	if useTLS {
		s.EnableHTTP2 = true
		s.Config.Protocols.SetHTTP2(true)
		s.StartTLS()
	} else {
		s.Config.Protocols.SetUnencryptedHTTP2(true)
		s.Start()
	}
	return s.Listener.Addr().String()
}

// tlsServer serves HTTPS.
func tlsServer(t *testing.T, h http.Handler) *httptest.Server {
	s := quietServer(t, h)
	s.StartTLS()
	return s
}

// quietServer is not started yet and does not log what its clients do wrong.
func quietServer(t *testing.T, h http.Handler) *httptest.Server {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(s.Close)
	return s
}

func FuzzHealthResponse(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 2, 8, 1})
	f.Add([]byte{0, 0, 0, 0, 5, 3<<3 | 2, 1, 'x', 8, 1})
	f.Add([]byte{1, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		if healthResponse(b) == nil {
			require.GreaterOrEqual(t, len(b), 7)
		}
	})
}

func TestGRPCProbe(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		if req.URL.Path != "/grpc.health.v1.Health/Check" || req.Header.Get("Content-Type") != "application/grpc" || len(body) < 5 {
			http.Error(w, "no", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/grpc")
		end := func(code, msg string) {
			w.Header().Set(http.TrailerPrefix+"Grpc-Status", code)
			w.Header().Set(http.TrailerPrefix+"Grpc-Message", msg)
		}
		status := map[string]byte{"": 1, "\n\x02up": 1, "\n\x04down": 2, "\n\x06unsure": 0}
		switch msg := string(body[5:]); msg {
		case "\n\x05crash":
			w.Header().Set("Grpc-Status", "13") // without a message: in the header
			w.Header().Set("Grpc-Message", "out%20of luck")
		case "\n\x04junk":
			_, _ = w.Write([]byte("junk"))
			end("0", "")
		default:
			s, known := status[msg]
			if !known {
				end("5", "unknown service")
				return
			}
			_, _ = w.Write([]byte{0, 0, 0, 0, 5, 3<<3 | 2, 1, 'x', 1 << 3, s}) // with a field we do not know
			end("0", "")
		}
	})
	plain, secure := h2Server(t, false, h), h2Server(t, true, h)
	old := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(old.Close)
	for name, c := range map[string]struct {
		def            api.CheckDefinition
		status, output string
	}{
		"server":        {api.CheckDefinition{GRPC: plain}, api.Passing, "gRPC check " + plain + ": success"},
		"service":       {api.CheckDefinition{GRPC: plain + "/up"}, api.Passing, "success"},
		"not serving":   {api.CheckDefinition{GRPC: plain + "/down"}, api.Critical, "not serving"},
		"unknown state": {api.CheckDefinition{GRPC: plain + "/unsure"}, api.Critical, "unknown"},
		"no service":    {api.CheckDefinition{GRPC: plain + "/nobody"}, api.Critical, "does not know the service"},
		"error":         {api.CheckDefinition{GRPC: plain + "/crash"}, api.Critical, "code 13: out of luck"},
		"junk":          {api.CheckDefinition{GRPC: plain + "/junk"}, api.Critical, "no health response"},
		"tls":           {api.CheckDefinition{GRPC: secure + "/up", GRPCUseTLS: true, TLSSkipVerify: true}, api.Passing, "success"},
		"tls, unknown":  {api.CheckDefinition{GRPC: secure, GRPCUseTLS: true}, api.Critical, "certificate"},
		"refused":       {api.CheckDefinition{GRPC: closedAddr(t)}, api.Critical, "connection refused"},
		"http/1.1":      {api.CheckDefinition{GRPC: old.Listener.Addr().String()}, api.Critical, "gRPC check"},
	} {
		t.Run(name, func(t *testing.T) {
			status, output := try(t, c.def)
			require.Equal(t, c.status, status, output)
			require.Contains(t, output, c.output)
		})
	}
}

func TestDockerProbe(t *testing.T) {
	sock := filepath.Join(t.TempDir(), "d.sock")
	ln, err := net.Listen("unix", sock)
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /containers/web/exec", func(w http.ResponseWriter, req *http.Request) {
		var body struct{ Cmd []string }
		_ = json.NewDecoder(req.Body).Decode(&body)
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"Id":%q}`, body.Cmd[len(body.Cmd)-1])
	})
	mux.HandleFunc("POST /exec/{id}/start", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("\x01\x00\x00\x00\x00\x00\x00\x03out\x02\x00\x00\x00\x00\x00\x00\x04 err"))
	})
	mux.HandleFunc("GET /exec/{id}/json", func(w http.ResponseWriter, req *http.Request) {
		fmt.Fprintf(w, `{"ExitCode":%s}`, req.PathValue("id"))
	})
	engine := &http.Server{Handler: mux}
	done := make(chan struct{})
	go func() { defer close(done); _ = engine.Serve(ln) }()
	t.Cleanup(func() { engine.Close(); <-done })

	p := newProber(Config{DockerHost: "unix://" + sock}.withDefaults())
	for exit, want := range map[string]string{"0": api.Passing, "1": api.Warning, "7": api.Critical} {
		status, output := tryFor(t, p, 10*time.Second,
			api.CheckDefinition{DockerContainerID: "web", Args: []string{"probe", exit}, Interval: 1})
		require.Equal(t, want+" out err", status+" "+output)
	}
	status, output := tryFor(t, p, 10*time.Second, api.CheckDefinition{DockerContainerID: "db", Args: []string{"x"}, Interval: 1})
	require.Equal(t, api.Critical, status)
	require.Contains(t, output, "404")
	status, output = tryFor(t, newProber(Config{DockerHost: "fax://1"}.withDefaults()), time.Second,
		api.CheckDefinition{DockerContainerID: "db", Args: []string{"x"}, Interval: 1})
	require.Equal(t, api.Critical, status)
	require.Contains(t, output, "fax://1")
}

package contract

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// startTarget starts a small listener for the checks of a scenario to look at:
//
//	/status/503        answers with that status
//	/flag/NAME         answers with the status last PUT there as the body, 200 before
//	/sleep/800         answers after that many milliseconds
//	/redirect/503      redirects to /status/503
//	/echo              answers with method, X- headers and body of the request
//	/repeat/5000       answers with that many bytes
func startTarget() (addr string, err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	var mu sync.Mutex
	flags := map[string]int{}
	h := func(w http.ResponseWriter, req *http.Request) {
		kind, arg, _ := strings.Cut(strings.TrimPrefix(req.URL.Path, "/"), "/")
		n, _ := strconv.Atoi(arg)
		switch kind {
		case "status":
			w.WriteHeader(n)
			fmt.Fprintf(w, "status %d", n)
		case "flag":
			mu.Lock()
			defer mu.Unlock()
			if req.Method == http.MethodPut {
				raw, _ := io.ReadAll(req.Body)
				flags[arg], _ = strconv.Atoi(string(raw))
				return
			}
			if code, ok := flags[arg]; ok {
				w.WriteHeader(code)
			}
			fmt.Fprintf(w, "flag %s", arg)
		case "sleep":
			time.Sleep(time.Duration(n) * time.Millisecond)
		case "redirect":
			http.Redirect(w, req, "/status/"+arg, http.StatusFound)
		case "repeat":
			io.WriteString(w, strings.Repeat("r", n))
		case "echo":
			raw, _ := io.ReadAll(req.Body)
			var names []string
			for name := range req.Header {
				if strings.HasPrefix(name, "X-") {
					names = append(names, name)
				}
			}
			sort.Strings(names)
			fmt.Fprintf(w, "%s host=%s", req.Method, req.Host)
			for _, name := range names {
				fmt.Fprintf(w, " %s=%s", name, strings.Join(req.Header[name], ","))
			}
			fmt.Fprintf(w, " body=%s", raw)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}
	go http.Serve(ln, http.HandlerFunc(h))
	return ln.Addr().String(), nil
}

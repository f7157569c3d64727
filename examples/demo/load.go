package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// think is how long a client waits between two requests: the point is what
// happens to requests, not how many fit through.
const think = 2 * time.Millisecond

// load is clients that send requests until they are told to stop.
type load struct {
	url    string
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	sent    int
	failed  int
	first   error // of the failures
	longest time.Duration
}

// startLoad starts n clients.
func startLoad(url string, n int) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{url: url, cancel: cancel}
	for range n {
		l.wg.Go(func() { l.client(ctx) })
	}
	return l
}

// stop ends the clients. Requests under way are brought to their end first.
func (l *load) stop() {
	l.cancel()
	l.wg.Wait()
}

func (l *load) client(ctx context.Context) {
	for ctx.Err() == nil {
		start := time.Now()
		one, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		err := ask(one, l.url)
		cancel()
		l.note(err, time.Since(start))
		select {
		case <-ctx.Done():
		case <-time.After(think):
		}
	}
}

func (l *load) note(err error, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent++
	l.longest = max(l.longest, took)
	if err != nil {
		l.failed++
		if l.first == nil {
			l.first = err
		}
	}
}

// counts returns how many requests were sent so far and how many failed.
func (l *load) counts() (sent, failed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent, l.failed
}

// ask sends one request and checks the answer.
func ask(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/?name=demo", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || !strings.HasPrefix(string(text), "Hello, demo!")) {
		err = fmt.Errorf("answer %d: %s", resp.StatusCode, strings.TrimSpace(string(text)))
	}
	return err
}

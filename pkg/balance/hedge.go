package balance

import (
	"context"
	"net/http"
	"time"
)

// hedged makes attempts that may overlap: a new one begins when those under
// way have not answered for a while, or the last of them has failed. The first
// good answer wins. Attempts that lose are cancelled.
func (x *exchange) hedged() (*http.Response, error) {
	h := &hedge{x: x, results: make(chan hedgeResult, x.t.c.Attempts), timer: time.NewTimer(x.t.c.HedgeAfter)}
	defer h.timer.Stop()
	if err := h.start(true); err != nil {
		return nil, err
	}
	for {
		select {
		case <-h.timer.C:
			if len(h.cancels) < x.t.c.Attempts && x.t.budget.take() {
				_ = h.start(false)
			}
		case r := <-h.results:
			h.running--
			if !r.good() && (h.running > 0 || h.retry(r.result)) {
				r.drop()
				continue
			}
			h.settle(r)
			return r.out()
		}
	}
}

// hedge holds the attempts of one exchange.
type hedge struct {
	x       *exchange
	results chan hedgeResult // room for all
	timer   *time.Timer
	cancels []context.CancelFunc // one for each attempt
	running int
}

type hedgeResult struct {
	result
	number int // from 0
}

// start begins an attempt; same says whether it may go to an instance that was
// tried before.
func (h *hedge) start(same bool) error {
	in, done, err := h.x.next(same)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(h.x.ctx)
	n := len(h.cancels)
	overlaps := h.running > 0
	h.cancels = append(h.cancels, cancel)
	h.running++
	h.timer.Reset(h.x.t.c.HedgeAfter)
	h.x.t.active.Add(1)
	go func() {
		defer h.x.t.active.Done()
		h.results <- hedgeResult{h.x.send(ctx, in, done, overlaps, n+1), n}
	}()
	return nil
}

// retry starts another attempt after all so far have failed, if one is
// allowed.
func (h *hedge) retry(r result) bool {
	return h.x.another(r, len(h.cancels)) && h.start(true) == nil
}

// settle cancels all attempts but the one whose result is returned, and has
// their answers discarded as they come. The context of that one ends with its
// body.
func (h *hedge) settle(r hedgeResult) {
	for i, cancel := range h.cancels {
		if i != r.number || r.resp == nil {
			cancel()
		}
	}
	if r.resp != nil {
		cancel := h.cancels[r.number]
		r.resp.Body = watchBody(r.resp.Body, func(error) { cancel() })
	}
	left := h.running
	if left == 0 {
		return
	}
	h.x.t.active.Add(1)
	go func() {
		defer h.x.t.active.Done()
		for range left {
			r := <-h.results
			r.drop()
		}
	}()
}

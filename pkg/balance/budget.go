package balance

import (
	"sync"
	"time"
)

// Budget bounds how much load retries and hedges add: without it, an overload
// that makes requests fail would be multiplied by their retries. Fields left
// at zero take the defaults.
type Budget struct {
	// Ratio of retries to requests, default 0.2; negative means none.
	Ratio float64
	// PerSecond is how many retries are allowed whatever the number of
	// requests, default 10; negative means none.
	PerSecond float64
	// Burst is how many unused retries are kept, default 100.
	Burst float64
}

// budget is a bucket of tokens, one for each retry.
type budget struct {
	b      Budget
	mu     sync.Mutex
	tokens float64
	at     time.Time // when tokens was brought up to date
}

func newBudget(b Budget) *budget {
	if b.Ratio == 0 {
		b.Ratio = 0.2
	}
	if b.PerSecond == 0 {
		b.PerSecond = 10
	}
	if b.Burst <= 0 {
		b.Burst = 100
	}
	b.Ratio, b.PerSecond = max(b.Ratio, 0), max(b.PerSecond, 0)
	return &budget{b: b, tokens: b.Burst, at: time.Now()}
}

// deposit counts a request.
func (b *budget) deposit() {
	b.mu.Lock()
	b.tokens = min(b.tokens+b.b.Ratio, b.b.Burst)
	b.mu.Unlock()
}

// take asks for one retry.
func (b *budget) take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.tokens = min(b.tokens+now.Sub(b.at).Seconds()*b.b.PerSecond, b.b.Burst)
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

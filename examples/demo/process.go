package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// process is a program that may be killed and started again. Its methods may
// be called from several goroutines, but start and stop by one at a time.
type process struct {
	name, path, log string
	args            []string

	mu       sync.Mutex
	cmd      *exec.Cmd
	done     chan struct{} // closed when the present run is over
	err      error         // of that run
	expected bool          // its end is our doing
}

func (l *lab) process(name, program string, args ...string) *process {
	done := make(chan struct{})
	close(done)
	return &process{
		name: name, path: filepath.Join(l.s.bin, program), args: args,
		log: filepath.Join(l.s.dir, name+".log"), done: done, expected: true,
	}
}

// start begins a new run. What it prints is added to its log.
func (p *process) start() error {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(p.path, p.args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = apart()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s (make build makes it): %w", p.name, err)
	}
	done := make(chan struct{})
	p.mu.Lock()
	p.cmd, p.done, p.expected = cmd, done, false
	p.mu.Unlock()
	go func() {
		err := cmd.Wait()
		p.mu.Lock()
		p.err = err
		p.mu.Unlock()
		close(done)
	}()
	return nil
}

// end sends a signal that is meant to end the run.
func (p *process) end(sig os.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expected = true
	if p.cmd != nil {
		_ = p.cmd.Process.Signal(sig) // an error means that it is gone already
	}
}

// kill ends the run without warning, as kill -9 does.
func (p *process) kill() {
	p.end(syscall.SIGKILL)
	<-p.gone()
}

// stop asks the program to end, and kills it if that takes too long.
func (p *process) stop() {
	p.end(syscall.SIGTERM)
	select {
	case <-p.gone():
	case <-time.After(10 * time.Second):
		p.kill()
	}
}

// stopAll stops several at the same time.
func stopAll(list []*process) {
	var wg sync.WaitGroup
	for _, p := range list {
		wg.Go(p.stop)
	}
	wg.Wait()
}

// gone is closed when the present run is over.
func (p *process) gone() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done
}

func (p *process) pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd.Process.Pid
}

// died is the epitaph of a run that ended by itself, nil if it did not.
func (p *process) died() error {
	select {
	case <-p.gone():
	default:
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.expected {
		return nil
	}
	return p.epitaph()
}

// epitaph says how the run ended, and what it printed last. The caller holds
// the lock.
func (p *process) epitaph() error {
	err := p.err
	if err == nil {
		err = errors.New("exit status 0")
	}
	text, _ := os.ReadFile(p.log)
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return fmt.Errorf("%s ended: %w: %s", p.name, err, lines[len(lines)-1])
}

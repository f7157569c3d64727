package harness

import (
	"net"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// Process is one server that runs as a process.
type Process struct {
	Name string
	Dir  string // data directory

	tb                 testing.TB
	host               string
	raftPort, httpPort int
	log                *tailLog
	client             *api.Client // of the present address; nil until it is asked for

	cmd    *exec.Cmd
	exited chan struct{} // closed when the process has ended; nil before the first start
}

// RaftAddr returns the address of the server port.
func (s *Process) RaftAddr() string { return net.JoinHostPort(s.host, strconv.Itoa(s.raftPort)) }

// HTTPAddr returns the address of the HTTP API.
func (s *Process) HTTPAddr() string { return net.JoinHostPort(s.host, strconv.Itoa(s.httpPort)) }

// Log returns the end of what the server printed, in all its lives.
func (s *Process) Log() string { return s.log.String() }

// Move gives a server that is down another address and other ports.
func (s *Process) Move() {
	s.tb.Helper()
	s.host, s.client = loopbacks(1)[0], nil
	ports := freePorts(s.tb, s.host, 2)
	s.raftPort, s.httpPort = ports[0], ports[1]
}

// launch starts the process.
func (s *Process) launch(binary string, args []string) {
	s.tb.Helper()
	if s.Running() {
		s.tb.Fatalf("%s runs already", s.Name)
	}
	s.cmd = exec.Command(binary, args...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		s.tb.Fatalf("start %s: %v", s.Name, err)
	}
	exited, cmd := make(chan struct{}), s.cmd
	s.exited = exited
	go func() {
		defer close(exited)
		_ = cmd.Wait() // its code is in cmd.ProcessState
	}()
}

// awaitDoor waits until the API can be reached.
func (s *Process) awaitDoor() {
	s.tb.Helper()
	Await(s.tb, s.Name+" to answer", func() error {
		if !s.Running() {
			s.tb.Fatalf("%s ended with code %d", s.Name, s.cmd.ProcessState.ExitCode())
		}
		c, err := net.DialTimeout("tcp", s.HTTPAddr(), time.Second)
		if err != nil {
			return err
		}
		return c.Close()
	})
}

// Running reports whether the process has been started and has not ended.
func (s *Process) Running() bool {
	if s.exited == nil {
		return false
	}
	select {
	case <-s.exited:
		return false
	default:
		return true
	}
}

// Kill ends the process with SIGKILL and waits until it is gone.
func (s *Process) Kill() {
	s.tb.Helper()
	s.Signal(syscall.SIGKILL)
	s.Wait(patience)
}

// Pause stops the process where it is, as a machine that swaps or a hypervisor
// that moves it may. Resume lets it go on.
func (s *Process) Pause() { s.tb.Helper(); s.Signal(syscall.SIGSTOP) }

// Resume undoes Pause. It does nothing to a process that is not running.
func (s *Process) Resume() {
	if s.Running() {
		s.Signal(syscall.SIGCONT)
	}
}

// Signal sends a signal.
func (s *Process) Signal(sig syscall.Signal) {
	s.tb.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.tb.Errorf("send %v to %s: %v", sig, s.Name, err)
	}
}

// Wait waits until the process has ended and returns its exit code, -1 if a
// signal ended it. Longer than the limit fails the test.
func (s *Process) Wait(limit time.Duration) int {
	s.tb.Helper()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-s.exited:
	case <-timer.C:
		s.tb.Fatalf("%s has not ended within %v", s.Name, limit)
	}
	return s.cmd.ProcessState.ExitCode()
}

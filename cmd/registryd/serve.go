package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/registryd/registryd/internal/config"
	"github.com/registryd/registryd/internal/server"
)

// leaveTimeout bounds a graceful leave, so that stopping takes seconds even
// when the other servers are gone.
const leaveTimeout = 5 * time.Second

// serve runs a server with cfg until a signal or ctx ends it, or until it has
// found no cluster in retry_max attempts. SIGHUP, and a
// reload over the API, read the sources again.
func serve(ctx context.Context, cfg *config.Config, from config.Sources, stdout io.Writer) error {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)

	logs, closeLogs, err := logOutput(cfg.Log, stdout)
	if err != nil {
		return err
	}
	defer closeLogs()
	if err := tryPid(cfg.PidFile); err != nil {
		return err
	}
	s, err := server.Open(cfg, server.Options{
		LogOutput: logs, Sole: true,
		Reload: func() (*config.Config, error) { return config.Load(from) },
	})
	if err != nil {
		return err
	}
	removePid, err := writePid(cfg.PidFile)
	if err != nil {
		s.Close()
		return err
	}
	defer removePid()
	s.Announce(stdout)
	for {
		select {
		case sig := <-signals:
			if sig == syscall.SIGHUP {
				_ = s.Reload() // the log has it
				continue
			}
			return stop(s, cfg, sig)
		case <-s.Left():
			return s.Close()
		case err := <-s.Failed():
			if closed := s.Close(); closed != nil {
				s.Logger().Warn("not closed cleanly", "error", closed)
			}
			return fmt.Errorf("%w; start the others, or give other addresses with -retry-join (-retry-max sets the number)", err)
		case <-ctx.Done():
			return s.Close()
		}
	}
}

// stop ends the server as Consul's rules for the signal say: SIGINT leaves the
// cluster unless skip_leave_on_interrupt, SIGTERM only with leave_on_terminate.
func stop(s *server.Server, cfg *config.Config, sig os.Signal) error {
	s.Logger().Info("stopping", "signal", sig.String())
	if sig == syscall.SIGINT && !cfg.SkipLeaveOnInterrupt || sig == syscall.SIGTERM && cfg.LeaveOnTerminate {
		ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
		defer cancel()
		if err := s.Leave(ctx); err != nil {
			s.Logger().Warn("the cluster was not left cleanly", "error", err)
		}
	}
	return s.Close()
}

// logOutput opens where the log goes: standard output and, if one is named, a
// file.
func logOutput(c config.Log, stdout io.Writer) (io.Writer, func() error, error) {
	if c.File == "" {
		return stdout, func() error { return nil }, nil
	}
	path := c.File
	if strings.HasSuffix(path, "/") {
		path = filepath.Join(path, "registryd.log")
	}
	f, err := newLogFile(path, c.RotateDuration, int64(c.RotateBytes), c.RotateMaxFiles)
	if err != nil {
		return nil, nil, fmt.Errorf("log file %s cannot be written: %w; choose another -log-file", path, err)
	}
	return io.MultiWriter(stdout, f), f.Close, nil
}

// tryPid says why the pid file could not be written, before there is a server
// that may found a cluster. The file of a server that runs already stays as it
// is: this start may yet fail.
func tryPid(path string) error {
	if path == "" {
		return nil
	}
	_, err := os.Stat(path)
	isNew := errors.Is(err, fs.ErrNotExist)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return unwritablePid(path, err)
	}
	f.Close()
	if isNew {
		os.Remove(path)
	}
	return nil
}

func unwritablePid(path string, err error) error {
	return fmt.Errorf("pid file %s cannot be written: %w; choose another -pid-file", path, err)
}

// writePid writes the process ID and returns what removes it again.
func writePid(path string) (func(), error) {
	if path == "" {
		return func() {}, nil
	}
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())), 0o644); err != nil {
		return nil, unwritablePid(path, err)
	}
	return func() { os.Remove(path) }, nil
}

package server

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

const (
	waitLong = 10 * time.Second
	waitStep = 10 * time.Millisecond
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

package logging

import "time"

const (
	waitLong = 5 * time.Second
	waitStep = time.Millisecond
)

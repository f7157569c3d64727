//go:build race

package store

// raceDetector says that the tests run with the race detector. It comes with a
// check of pointers that ends the process where BoltDB reads a damaged small
// bucket, which it keeps in Go's own memory; otherwise that is a panic, or
// nonsense that the sum tells.
const raceDetector = true

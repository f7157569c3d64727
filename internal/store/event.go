package store

type eventState struct{}

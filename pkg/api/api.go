// Package api is the vocabulary of registryd (nodes, service instances,
// checks, keys, sessions, …) and its Go client. It needs the standard library
// only.
//
// The types are defined once, here: their JSON is that of Consul's HTTP API,
// and the server keeps the same values in its raft log and in registry.db.
// Fields are therefore added, never renamed.
package api

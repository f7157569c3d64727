package store

// TableID names a kind of record whose changes can be watched as a whole.
type TableID uint8

// The tables. They are numbered in registry.db: append, never renumber.
const (
	TableNodes TableID = iota
	TableServices
	TableChecks
	TableKV
	TableSessions
	TableQueries
	TableEvents
	TableCoordinates
	TableAutopilot
	TableCA
	TableConfig
	// TableProbes changes with any check that the cluster runs, and with the
	// set of live servers, which decides who runs it.
	TableProbes
	// TableDue changes with what the leader has to do about checks, or when.
	TableDue
	TableHistory
	tableCount
)

// Table is one version of a table: the index of its last change, a watch that
// fires at the next one, and a slot for answers made from all of it.
type Table struct {
	Index uint64 // at least 1
	Watch Watch
	Cache Cache
}

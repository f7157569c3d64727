package store

// Buckets of registry.db and of the snapshot stream. They are written to
// disk: append, never renumber.
const (
	bucketMeta byte = iota
	bucketNodes
	bucketServices // key: NodeKey, 0 byte, service ID as it is spelled
	bucketChecks   // key: NodeKey, 0 byte, check ID as it is spelled
	// bucketGhosts has the indexes of service names as the last removal (of an
	// instance, or of a check) left them: what remains cannot tell. Key: ServiceKey.
	bucketGhosts
	bucketKV
	bucketTombstones
	bucketSessions
	bucketLockDelays
	bucketQueries
	bucketEvents
	bucketCoordinates
	bucketMisc
	// bucketNodeGhosts has the same of nodes. Key: NodeKey.
	bucketNodeGhosts
	bucketRestore // key: number of the part
	// bucketHistory is written by syncHistory, not by way of records: an event
	// that comes and goes between two checkpoints is never written.
	bucketHistory // key: number of the record
	bucketCount
)

// recordKey names one record of the registry.
type recordKey struct {
	bucket byte
	key    string
}

// records are changed records on their way to the checkpoint: the frozen new
// value, or nil where the record was removed.
type records map[recordKey]any

func (r records) put(bucket byte, key string, v any) { r[recordKey{bucket, key}] = v }
func (r records) remove(bucket byte, key string)     { r[recordKey{bucket, key}] = nil }

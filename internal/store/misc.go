package store

type miscState struct{}

func emptyMisc() miscState { return miscState{} }

// addOther takes a record of a bucket that is not the catalog's.
func (l *loader) addOther(bucket byte, key string, value []byte) error { return nil }

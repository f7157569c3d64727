package store

import "github.com/registryd/registryd/pkg/api"

// KVVerb says what a key operation does. The numbers stand in raft logs:
// append, never renumber.
type KVVerb uint8

// The key operations. Those that only read, and the checks, are for
// transactions.
const (
	KVSet        KVVerb = iota + 1 // put value and flags; the lock stays, LockIndex becomes 0
	KVDelete                       // remove the key
	KVDeleteTree                   // remove all keys that begin with Key
	KVCAS                          // KVSet if ModifyIndex is the present one; 0: if there is no key
	KVDeleteCAS                    // KVDelete if ModifyIndex is the present one
	KVLock                         // put and acquire for Session
	KVUnlock                       // put and release for Session
	KVGet
	KVGetTree
	KVGetOrEmpty
	KVCheckIndex
	KVCheckSession
	KVCheckNotExists
)

// kvVerbs are the names that transactions give them.
func kvVerbs() [KVCheckNotExists + 1]string {
	return [...]string{KVSet: "set", KVDelete: "delete", KVDeleteTree: "delete-tree", KVCAS: "cas", KVDeleteCAS: "delete-cas",
		KVLock: "lock", KVUnlock: "unlock", KVGet: "get", KVGetTree: "get-tree", KVGetOrEmpty: "get-or-empty",
		KVCheckIndex: "check-index", KVCheckSession: "check-session", KVCheckNotExists: "check-not-exists"}
}

// KVVerbOf returns the verb of a name such as "delete-cas", 0 if there is none.
func KVVerbOf(name string) KVVerb {
	for v, n := range kvVerbs() {
		if n == name && n != "" {
			return KVVerb(v)
		}
	}
	return 0
}

// Writes reports whether the verb may change something.
func (v KVVerb) Writes() bool { return v >= KVSet && v <= KVUnlock }

// KV is one operation on keys. Of Pair it reads Key, Value and Flags, Session
// for KVLock, KVUnlock and KVCheckSession, and ModifyIndex for KVCAS,
// KVDeleteCAS and KVCheckIndex.
//
// As a command it takes the verbs that write. Its Result is not OK when the
// condition did not hold.
type KV struct {
	Verb KVVerb
	Pair api.KVPair
}

// ReapTombstones forgets deletions up to an index. Blocking queries on what was
// deleted are from then on answered with that index.
type ReapTombstones struct {
	Through uint64
}

func (*KV) kind() byte             { return kindKV }
func (*ReapTombstones) kind() byte { return kindReapTombstones }

func (c *KV) appendTo(b []byte) []byte {
	b = putUint(b, 1, uint64(c.Verb))
	b = putString(b, 2, c.Pair.Key)
	b = putBytes(b, 3, c.Pair.Value)
	b = putUint(b, 4, c.Pair.Flags)
	b = putString(b, 5, c.Pair.Session)
	return putUint(b, 6, c.Pair.ModifyIndex)
}

func decodeKV(b []byte) (Command, error) {
	c := &KV{}
	return c, fields(b, func(f field) error {
		switch f.num {
		case 1:
			c.Verb = KVVerb(f.u)
		case 2:
			c.Pair.Key = f.str()
		case 3:
			c.Pair.Value = append([]byte(nil), f.bytes...)
		case 4:
			c.Pair.Flags = f.u
		case 5:
			c.Pair.Session = f.str()
		case 6:
			c.Pair.ModifyIndex = f.u
		}
		return nil
	})
}

func (c *ReapTombstones) appendTo(b []byte) []byte { return putUint(b, 1, c.Through) }

func decodeReapTombstones(b []byte) (Command, error) {
	c := &ReapTombstones{}
	return c, fields(b, func(f field) error {
		if f.num == 1 {
			c.Through = f.u
		}
		return nil
	})
}

// appendPair writes a pair's record; its key is that of the record.
func appendPair(b []byte, p *api.KVPair) []byte {
	b = putBytes(b, 1, p.Value)
	b = putUint(b, 2, p.Flags)
	b = putString(b, 3, p.Session)
	b = putUint(b, 4, p.LockIndex)
	b = putUint(b, 5, p.CreateIndex)
	return putUint(b, 6, p.ModifyIndex)
}

func decodePair(b []byte, p *api.KVPair) error {
	return fields(b, func(f field) error {
		switch f.num {
		case 1:
			p.Value = append([]byte(nil), f.bytes...)
		case 2:
			p.Flags = f.u
		case 3:
			p.Session = f.str()
		case 4:
			p.LockIndex = f.u
		case 5:
			p.CreateIndex = f.u
		case 6:
			p.ModifyIndex = f.u
		}
		return nil
	})
}

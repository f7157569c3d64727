package api

// KVPair is a key with its value.
type KVPair struct {
	LockIndex   uint64 // how often the key was acquired by a new holder
	Key         string
	Flags       uint64
	Value       []byte
	Session     string `json:",omitempty"` // the holder's session while locked
	CreateIndex uint64
	ModifyIndex uint64
}

// Values of Session.Behavior: what happens to held keys when a session ends.
const (
	SessionRelease = "release"
	SessionDelete  = "delete"
)

// Session is a lease that locks hang on.
type Session struct {
	ID            string
	Name          string
	Node          string
	LockDelay     int64  // nanoseconds, as Consul shows it
	Behavior      string // SessionRelease or SessionDelete
	TTL           string // such as "30s"; empty means none
	NodeChecks    []string
	ServiceChecks []ServiceCheck
	CreateIndex   uint64
	ModifyIndex   uint64
}

// ServiceCheck names a service check a session depends on.
type ServiceCheck struct {
	ID        string
	Namespace string
}

// UserEvent is a fired event.
type UserEvent struct {
	ID            string
	Name          string
	Payload       []byte
	NodeFilter    string
	ServiceFilter string
	TagFilter     string
	Version       int
	LTime         uint64
}

// Coordinate is a point in the network coordinate space (Vivaldi), in seconds.
type Coordinate struct {
	Vec        []float64
	Error      float64
	Adjustment float64
	Height     float64
}

// CoordinateEntry is a node's coordinate.
type CoordinateEntry struct {
	Node    string
	Segment string
	Coord   *Coordinate
}

// PreparedQuery is a stored query for a service.
type PreparedQuery struct {
	ID       string
	Name     string
	Session  string
	Token    string
	Template QueryTemplate
	Service  ServiceQuery
	DNS      QueryDNS

	CreateIndex uint64
	ModifyIndex uint64
}

// QueryTemplate makes a query answer many names. The zero value is no template.
type QueryTemplate struct {
	Type            string
	Regexp          string
	RemoveEmptyTags bool
}

// QueryFailover says where else to look when no instance is healthy.
type QueryFailover struct {
	NearestN    int
	Datacenters []string
	Targets     []QueryFailoverTarget
}

// QueryFailoverTarget is one place to look.
type QueryFailoverTarget struct {
	Peer       string
	Datacenter string
}

// ServiceQuery is what a prepared query asks for.
type ServiceQuery struct {
	Service        string
	Failover       QueryFailover
	OnlyPassing    bool
	IgnoreCheckIDs []string
	Near           string
	Tags           []string
	NodeMeta       map[string]string
	ServiceMeta    map[string]string
	Connect        bool
	Peer           string
	SamenessGroup  string `json:",omitempty"`
}

// QueryDNS is the time to live of a query's DNS answers, such as "10s".
type QueryDNS struct {
	TTL string
}

// AutopilotConfig is how the leader looks after the set of servers.
type AutopilotConfig struct {
	CleanupDeadServers      bool
	LastContactThreshold    Duration
	MaxTrailingLogs         uint64
	MinQuorum               uint
	ServerStabilizationTime Duration
	RedundancyZoneTag       string
	DisableUpgradeMigration bool
	UpgradeVersionTag       string
	CreateIndex             uint64
	ModifyIndex             uint64
}

package api

// Status values of a check, from best to worst.
const (
	Passing  = "passing"
	Warning  = "warning"
	Critical = "critical"
)

// Well-known check IDs.
const (
	// SerfHealth is the check that says whether a server is alive. The name is
	// the one Consul's clients know.
	SerfHealth = "serfHealth"
	// NodeMaintenance is the node check that exists while a node is in
	// maintenance.
	NodeMaintenance = "_node_maintenance"
	// ServiceMaintenancePrefix followed by a service ID is the check that
	// exists while that service instance is in maintenance.
	ServiceMaintenancePrefix = "_service_maintenance:"
)

// Node is a member of the catalog: a host that runs service instances.
type Node struct {
	ID              string // a UUID in lower case, or empty
	Node            string // the name, unique in the catalog without regard to case
	Address         string
	Datacenter      string
	TaggedAddresses map[string]string
	Meta            map[string]string
	CreateIndex     uint64
	ModifyIndex     uint64
}

// ServiceAddress is an address of a service instance as seen from somewhere,
// such as "wan".
type ServiceAddress struct {
	Address string
	Port    int
}

// Weights say how much of the load an instance should get, by its state.
type Weights struct {
	Passing int
	Warning int
}

// Service is a service instance on a node. ID is unique on the node.
type Service struct {
	Kind              string `json:",omitempty"`
	ID                string
	Service           string // the service's name
	Tags              []string
	Address           string                    // empty means the node's address
	TaggedAddresses   map[string]ServiceAddress `json:",omitempty"`
	Meta              map[string]string
	Port              int
	SocketPath        string   `json:",omitempty"`
	Weights           *Weights // nil means 1 and 1
	EnableTagOverride bool
	Locality          *Locality `json:",omitempty"` // nil means unknown
	CreateIndex       uint64
	ModifyIndex       uint64

	// Origin is the server that the instance was registered through while
	// another has it, empty otherwise. It is kept in the catalog but not shown.
	Origin string `json:"-"`
}

// Locality is where something runs. It is kept and shown, and decides nothing.
type Locality struct {
	Region string
	Zone   string
}

// Check is a health check of a node or, when ServiceID is set, of a service
// instance, with its present status.
type Check struct {
	Node        string
	CheckID     string // unique on the node
	Name        string
	Status      string // Passing, Warning or Critical
	Notes       string
	Output      string // what the last run said
	ServiceID   string
	ServiceName string
	ServiceTags []string
	Type        string // "ttl", "http", "tcp", …; empty for a check that nobody runs
	Interval    string // as registered, for display
	Timeout     string // as registered, for display
	ExposedPort int
	// Definition is what a registration through the catalog gave; nil if none.
	Definition  *CheckDefinition
	CreateIndex uint64
	ModifyIndex uint64

	// Probe is how the cluster runs the check: set for checks registered
	// through an agent endpoint. It is kept in the catalog but not shown.
	Probe *CheckDefinition `json:"-" codec:"Probe,omitempty"`

	// Verdict is what the servers remember of the check beside its status; nil
	// for most. It is kept in the catalog but not shown.
	Verdict *CheckVerdict `json:"-"`
}

// MaxObservers is how many servers may run one check: a cluster rarely has more.
const MaxObservers = 7

// CheckDefinition says how a check is run. Exactly one of TTL, HTTP, TCP, UDP,
// GRPC, H2PING, Args, OSService, DockerContainerID, AliasNode/AliasService is
// set in a definition that is run.
type CheckDefinition struct {
	HTTP              string              `json:",omitempty"`
	Method            string              `json:",omitempty"`
	Header            map[string][]string `json:",omitempty"`
	Body              string              `json:",omitempty"`
	DisableRedirects  bool                `json:",omitempty"`
	TLSServerName     string              `json:",omitempty"`
	TLSSkipVerify     bool                `json:",omitempty"`
	TCP               string              `json:",omitempty"`
	TCPUseTLS         bool                `json:",omitempty"`
	UDP               string              `json:",omitempty"`
	GRPC              string              `json:",omitempty"`
	GRPCUseTLS        bool                `json:",omitempty"`
	H2PING            string              `json:",omitempty"`
	H2PingUseTLS      bool                `json:",omitempty"`
	Args              []string            `json:",omitempty"`
	DockerContainerID string              `json:",omitempty"`
	Shell             string              `json:",omitempty"`
	OSService         string              `json:",omitempty"`
	AliasNode         string              `json:",omitempty"`
	AliasService      string              `json:",omitempty"`
	TTL               Duration            `json:",omitempty"`
	Interval          Duration            `json:",omitempty"`
	Timeout           Duration            `json:",omitempty"`

	SuccessBeforePassing           int      `json:",omitempty"`
	FailuresBeforeWarning          int      `json:",omitempty"`
	FailuresBeforeCritical         int      `json:",omitempty"`
	DeregisterCriticalServiceAfter Duration `json:",omitempty"`
	OutputMaxSize                  int      `json:",omitempty"` // bytes; 0 means the server's limit

	// Observers is how many servers run the check: its status is what most of
	// them see. 0 and 1 mean one; at most MaxObservers. Consul has no such field.
	Observers int `json:",omitempty"`
}

// Entry is a service instance with its node and checks (those of the node and
// its own), as /v1/health/service lists it.
type Entry struct {
	Node    *Node
	Service *Service
	Checks  []*Check
}

// CatalogService is a service instance as /v1/catalog/service lists it.
type CatalogService struct {
	ID                       string // of the node
	Node                     string
	Address                  string // of the node
	Datacenter               string
	TaggedAddresses          map[string]string
	NodeMeta                 map[string]string
	ServiceKind              string
	ServiceID                string
	ServiceName              string
	ServiceTags              []string
	ServiceAddress           string
	ServiceTaggedAddresses   map[string]ServiceAddress
	ServiceWeights           Weights
	ServiceMeta              map[string]string
	ServicePort              int
	ServiceSocketPath        string
	ServiceEnableTagOverride bool
	CreateIndex              uint64
	ModifyIndex              uint64
}

// CatalogRegistration is the body of /v1/catalog/register. Node and Address
// are needed.
type CatalogRegistration struct {
	ID              string            `json:",omitempty"`
	Node            string            `json:",omitempty"`
	Address         string            `json:",omitempty"`
	Datacenter      string            `json:",omitempty"`
	TaggedAddresses map[string]string `json:",omitempty"`
	NodeMeta        map[string]string `json:",omitempty"`
	Service         *Service          `json:",omitempty"`
	Check           *Check            `json:",omitempty"`
	Checks          []*Check          `json:",omitempty"`
	SkipNodeUpdate  bool              `json:",omitempty"`
}

// CatalogDeregistration is the body of /v1/catalog/deregister. Without
// ServiceID and CheckID the node goes with all it has.
type CatalogDeregistration struct {
	Node       string
	Datacenter string `json:",omitempty"`
	ServiceID  string `json:",omitempty"`
	CheckID    string `json:",omitempty"`
}

// NodeServices is a node with its service instances.
type NodeServices struct {
	Node     *Node
	Services []*Service
}

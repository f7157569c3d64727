package api

// ServiceRegistration registers a service instance through an agent endpoint
// (or a configuration file). Name is needed; ID defaults to Name.
type ServiceRegistration struct {
	Kind              string                    `json:",omitempty"`
	ID                string                    `json:",omitempty"`
	Name              string                    `json:",omitempty"`
	Tags              []string                  `json:",omitempty"`
	Address           string                    `json:",omitempty"`
	TaggedAddresses   map[string]ServiceAddress `json:",omitempty"`
	Meta              map[string]string         `json:",omitempty"`
	Port              int                       `json:",omitempty"`
	SocketPath        string                    `json:",omitempty"`
	Weights           *Weights                  `json:",omitempty"`
	EnableTagOverride bool                      `json:",omitempty"`
	Locality          *Locality                 `json:",omitempty"`
	Check             *CheckRegistration        `json:",omitempty"`
	Checks            []*CheckRegistration      `json:",omitempty"`
	Token             string                    `json:",omitempty"`
}

// CheckRegistration registers a check, alone (then ID and ServiceID count) or
// inside a ServiceRegistration (then CheckID counts).
type CheckRegistration struct {
	ID        string `json:",omitempty"`
	CheckID   string `json:",omitempty"`
	Name      string `json:",omitempty"`
	Notes     string `json:",omitempty"`
	Status    string `json:",omitempty"` // initial; empty means Critical
	ServiceID string `json:",omitempty"`
	Token     string `json:",omitempty"`
	CheckDefinition
}

// Member is a server (or other agent) of the cluster as /v1/agent/members
// lists it.
type Member struct {
	Name        string
	Addr        string
	Port        uint16
	Tags        map[string]string
	Status      int // MemberAlive, …
	ProtocolMin uint8
	ProtocolMax uint8
	ProtocolCur uint8
	DelegateMin uint8
	DelegateMax uint8
	DelegateCur uint8
}

// Values of Member.Status.
const (
	MemberNone    = 0
	MemberAlive   = 1
	MemberLeaving = 2
	MemberLeft    = 3
	MemberFailed  = 4
)

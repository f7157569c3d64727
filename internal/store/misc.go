package store

import (
	iradix "github.com/hashicorp/go-immutable-radix/v2"

	"github.com/registryd/registryd/pkg/api"
)

// miscState is the part of a State that has few entries and seldom changes.
type miscState struct {
	coordinates *iradix.Tree[*api.CoordinateEntry] // NodeKey, 0, segment
	config      *iradix.Tree[*ConfigEntry]         // kind, 0, name
	policies    policies                           // made from config
	autopilot   *api.AutopilotConfig               // nil: never set
	ca          *CA                                // nil: not made yet
	former      []*FormerServer                    // in order of ID
}

func emptyMisc() miscState {
	return miscState{coordinates: iradix.New[*api.CoordinateEntry](), config: iradix.New[*ConfigEntry]()}
}

// Keys of the records in bucketMisc. They are written to disk.
const (
	miscAutopilot = "autopilot"
	miscCA        = "ca"
	miscHistory   = "history"
	miscConfig    = "config/" // then kind, 0, name
	miscFormer    = "former/" // then the ID
)

package api

import (
	"encoding/json"
	"fmt"
	"time"
)

// Duration is a time.Duration whose JSON is text such as "10s". Reading takes
// text or a number of nanoseconds, as Consul does.
type Duration time.Duration

// String formats the duration as time.Duration does.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalJSON writes the duration as text.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads text with a unit ("10s"; empty is 0) or nanoseconds.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		if v == "" {
			*d = 0
			return nil
		}
		p, err := time.ParseDuration(v)
		if err != nil {
			return fmt.Errorf("invalid duration %q: use a number with a unit such as 10s", v)
		}
		*d = Duration(p)
	case float64:
		*d = Duration(v)
	default:
		return fmt.Errorf("duration must be text such as \"10s\" or nanoseconds, not %s", b)
	}
	return nil
}

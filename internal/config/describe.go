package config

import (
	"fmt"
	"strings"
	"time"
)

// DefaultOf returns the default of a key as text for a help page: empty if the
// default is to have none, or if there is no such key.
func DefaultOf(key string) string {
	e, ok := table().byPath[key]
	if !ok {
		return ""
	}
	switch v := e.of(Default()).(type) {
	case *string:
		return *v
	case *bool:
		return fmt.Sprint(*v)
	case *int:
		return fmt.Sprint(*v)
	case *time.Duration:
		// "5m0s" reads better as "5m".
		s := v.String()
		if strings.HasSuffix(s, "m0s") {
			s = strings.TrimSuffix(s, "0s")
		}
		if strings.HasSuffix(s, "h0m") {
			s = strings.TrimSuffix(s, "0m")
		}
		return s
	}
	return ""
}

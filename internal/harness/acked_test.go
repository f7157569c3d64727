package harness_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/harness"
)

func TestClusterForms(t *testing.T) {
	c := harness.New(t, harness.Options{})
	l := harness.NewLedger("web")
	for i := range c.Len() {
		require.NoError(t, l.Write(c.Context(), c.Client(i), "a", i+1))
	}
	c.Verify(l)
}

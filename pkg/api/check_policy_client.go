package api

import "context"

// CheckPolicies sets and reads check policies: ConfigEntries for that kind, with
// its fields.
type CheckPolicies struct{ entries ConfigEntries }

// CheckPolicies returns the calls below /v1/config/check-policy.
func (c *Client) CheckPolicies() CheckPolicies { return CheckPolicies{c.ConfigEntries()} }

// Set stores a policy in the place of the one of that name. Kind may be empty.
func (s CheckPolicies) Set(ctx context.Context, p *CheckPolicy) error {
	set := *p
	set.Kind = CheckPolicyKind
	return mustBeTrue(s.entries.set(ctx, &set, nil))
}

// Get returns the policy of a name, AllServices for the general one. The error
// is of kind NotFound if there is none.
func (s CheckPolicies) Get(ctx context.Context, name string, q *QueryOptions) (*CheckPolicy, QueryMeta, error) {
	return getConfigEntry[*CheckPolicy](ctx, s.entries.c, CheckPolicyKind, name, q)
}

// List returns all policies.
func (s CheckPolicies) List(ctx context.Context, q *QueryOptions) ([]*CheckPolicy, QueryMeta, error) {
	return listConfigEntries[*CheckPolicy](ctx, s.entries.c, CheckPolicyKind, q)
}

// Delete removes the policy of a name; that there is none is fine.
func (s CheckPolicies) Delete(ctx context.Context, name string) error {
	return s.entries.Delete(ctx, CheckPolicyKind, name)
}

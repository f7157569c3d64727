package api

import (
	"context"
	"net/http"
)

// CheckPolicies sets and reads check policies.
type CheckPolicies struct{ c *Client }

// CheckPolicies returns the calls below /v1/config/check-policy.
func (c *Client) CheckPolicies() CheckPolicies { return CheckPolicies{c} }

// Set stores a policy in the place of the one of that name. Kind may be empty.
func (s CheckPolicies) Set(ctx context.Context, p *CheckPolicy) error {
	set := *p
	set.Kind = CheckPolicyKind
	return s.c.put(ctx, "/v1/config", nil, &set, nil)
}

// Get returns the policy of a name, AllServices for the general one. The error
// is of kind NotFound if there is none.
func (s CheckPolicies) Get(ctx context.Context, name string, q *QueryOptions) (*CheckPolicy, QueryMeta, error) {
	if err := named("service name", name); err != nil {
		return nil, QueryMeta{}, err
	}
	return get[*CheckPolicy](ctx, s.c, "/v1/config/"+CheckPolicyKind+"/"+escape(name), nil, q)
}

// List returns all policies.
func (s CheckPolicies) List(ctx context.Context, q *QueryOptions) ([]*CheckPolicy, QueryMeta, error) {
	return get[[]*CheckPolicy](ctx, s.c, "/v1/config/"+CheckPolicyKind, nil, q)
}

// Delete removes the policy of a name; that there is none is fine.
func (s CheckPolicies) Delete(ctx context.Context, name string) error {
	if err := named("service name", name); err != nil {
		return err
	}
	return s.c.write(ctx, &request{method: http.MethodDelete, path: "/v1/config/" + CheckPolicyKind + "/" + escape(name)}, nil, nil)
}

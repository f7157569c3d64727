package httpapi

import "github.com/registryd/registryd/pkg/api"

// aclDisabled answers everything below /v1/acl: there is no access control.
func (h *Handler) aclDisabled(*request) (reply, error) {
	return reply{}, api.E(api.Disabled, "ACL support disabled")
}

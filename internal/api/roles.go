package api

import (
	"maps"
	"slices"
	"strings"

	"github.com/switchhook/switchhook"
)

// least says who may do what: of each operation that needs a key, by its id, the least
// role that may. An operation that is not here cannot be registered.
//
//nolint:gochecknoglobals // a constant that Go cannot write as such
var least = map[string]switchhook.Role{
	"send-events":     switchhook.RoleIngest,
	"ingest-with-key": switchhook.RoleIngest,

	"get-info": switchhook.RoleViewer, "metrics": switchhook.RoleViewer,
	"list-events": switchhook.RoleViewer, "get-event": switchhook.RoleViewer, "list-event-deliveries": switchhook.RoleViewer, "explain-event": switchhook.RoleViewer, "stream-events": switchhook.RoleViewer,
	"list-calls": switchhook.RoleViewer, "get-call": switchhook.RoleViewer,
	"list-event-types": switchhook.RoleViewer, "get-event-type": switchhook.RoleViewer,
	"list-attempts": switchhook.RoleViewer, "get-attempt": switchhook.RoleViewer, "stream-attempts": switchhook.RoleViewer,
	"list-deliveries": switchhook.RoleViewer, "get-delivery": switchhook.RoleViewer,
	"list-webhooks": switchhook.RoleViewer, "get-webhook": switchhook.RoleViewer, "preview-webhook": switchhook.RoleViewer,
	"list-jobs": switchhook.RoleViewer, "get-job": switchhook.RoleViewer,
	"list-records": switchhook.RoleViewer, "get-record": switchhook.RoleViewer,
	"list-dialect-ids": switchhook.RoleViewer, "list-dialect-id-kinds": switchhook.RoleViewer, "get-dialect-id": switchhook.RoleViewer,
	"list-sources": switchhook.RoleViewer, "get-source": switchhook.RoleViewer, "list-rejects": switchhook.RoleViewer,
	"get-stats": switchhook.RoleViewer, "list-webhook-stats": switchhook.RoleViewer, "get-webhook-stats": switchhook.RoleViewer, "find": switchhook.RoleViewer,
	"list-accounts": switchhook.RoleViewer, "get-account": switchhook.RoleViewer,
	"list-templates": switchhook.RoleViewer, "get-template": switchhook.RoleViewer, "list-template-versions": switchhook.RoleViewer,
	"list-mails": switchhook.RoleViewer, "get-mail": switchhook.RoleViewer, "get-mail-page": switchhook.RoleViewer, "get-mail-status": switchhook.RoleViewer,

	"create-webhook": switchhook.RoleDeveloper, "update-webhook": switchhook.RoleDeveloper, "delete-webhook": switchhook.RoleDeveloper,
	"re-enable-webhooks": switchhook.RoleDeveloper, "pause-webhook": switchhook.RoleDeveloper, "resume-webhook": switchhook.RoleDeveloper,
	"pause-webhooks": switchhook.RoleDeveloper, "resume-webhooks": switchhook.RoleDeveloper,
	"listen-webhook": switchhook.RoleDeveloper, "listen": switchhook.RoleDeveloper,
	"test-webhook": switchhook.RoleDeveloper, "preview-new-webhook": switchhook.RoleDeveloper, "rotate-webhook-secret": switchhook.RoleDeveloper,
	"replay-webhook": switchhook.RoleDeveloper, "cancel-job": switchhook.RoleDeveloper, "retry-delivery": switchhook.RoleDeveloper,
	"put-record": switchhook.RoleDeveloper, "delete-record": switchhook.RoleDeveloper,
	"set-dialect-id": switchhook.RoleDeveloper, "unset-dialect-id": switchhook.RoleDeveloper,
	"create-template": switchhook.RoleDeveloper, "update-template": switchhook.RoleDeveloper, "revert-template": switchhook.RoleDeveloper, "restore-template-version": switchhook.RoleDeveloper,
	"preview-template": switchhook.RoleDeveloper, "resend-mail": switchhook.RoleDeveloper,

	// A source has the credentials of a phone system, and can speak for every account
	// of its map.
	"create-source": switchhook.RoleAdmin, "update-source": switchhook.RoleAdmin, "delete-source": switchhook.RoleAdmin, "rotate-source-token": switchhook.RoleAdmin,
	"create-account": switchhook.RoleAdmin, "update-account": switchhook.RoleAdmin, "delete-account": switchhook.RoleAdmin,
	"create-api-key": switchhook.RoleAdmin, "list-api-keys": switchhook.RoleAdmin, "get-api-key": switchhook.RoleAdmin,
	"get-session": switchhook.RoleViewer, "change-password": switchhook.RoleViewer, "create-portal-link": switchhook.RoleAdmin,
	"create-user": switchhook.RoleAdmin, "list-users": switchhook.RoleAdmin, "get-user": switchhook.RoleAdmin, "update-user": switchhook.RoleAdmin, "delete-user": switchhook.RoleAdmin,
	"list-audit":             switchhook.RoleAdmin,
	"create-customer-update": switchhook.RoleAdmin, // it writes to everybody
	"update-api-key":         switchhook.RoleAdmin, "delete-api-key": switchhook.RoleAdmin,
}

// roles are all that there are, the mightiest first.
func roles() []switchhook.Role {
	return []switchhook.Role{switchhook.RoleAdmin, switchhook.RoleDeveloper, switchhook.RoleViewer, switchhook.RoleIngest}
}

// suffices reports whether a role may do what needs another one at least. Viewer and
// ingest are not comparable: who sends events need not read them.
func suffices(role, least switchhook.Role) bool {
	switch role {
	case switchhook.RoleAdmin:
		return true
	case switchhook.RoleDeveloper:
		return least != switchhook.RoleAdmin
	case switchhook.RoleViewer, switchhook.RoleIngest:
		return role == least
	default: // what nobody knows may nothing
		return false
	}
}

// whoMay lists the roles that may do an operation.
func whoMay(operation string) string {
	needed, ok := least[operation]
	if !ok {
		panic("api: " + operation + " is not in the table of who may do what")
	}
	may := slices.DeleteFunc(roles(), func(role switchhook.Role) bool { return !suffices(role, needed) })
	slices.Reverse(may)
	var names []string
	for _, role := range may {
		names = append(names, string(role))
	}
	if len(names) == 1 {
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

// may reports as an error that the caller's role is too weak.
func (c caller) may(operation string) error {
	if needed, ok := least[operation]; ok && suffices(c.role, needed) {
		return nil
	}
	return switchhook.Errorf(switchhook.CodeForbidden, "the role of this key is %s; %s needs a key of the role %s", c.role, operation, whoMay(operation))
}

// checkRole names what is wrong with a role that somebody is to have.
func checkRole(role switchhook.Role) string {
	if slices.Contains(roles(), role) {
		return ""
	}
	return "expected admin, developer, viewer or ingest"
}

// withhold masks what of a source only those are to see who may send events: the secret
// of its ingest URL. Settings that likely hold a credential are for who may change them.
func (v *sourceView) withhold(c caller) {
	if v.IngestURL != "" && (!suffices(c.role, switchhook.RoleIngest) || v.connects && c.account != switchhook.RootAccount) {
		v.IngestURL = strings.TrimSuffix(v.IngestURL, v.Token) + mask
	}
	if suffices(c.role, switchhook.RoleAdmin) {
		return
	}
	v.Options = maps.Clone(v.Options)
	for name := range v.Options {
		if switchhook.SecretHeader(name) {
			v.Options[name] = mask
		}
	}
}

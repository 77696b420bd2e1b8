package mail

import (
	"strings"
	"sync"
)

// older are names that templates of Kazoo's app notify have, and of the first teletype: what
// they mean now. There is no telling how old an operator's templates are; both apps ran side
// by side up to Kazoo 4.3.
//
//nolint:gochecknoglobals // the names are constants
var older = sync.OnceValue(func() map[string]string {
	names := map[string]string{
		"account.pvt_account_id": "account.id", "from_user": "from.user", "to_user": "to.user",
		"caller_id_name": "caller_id.name", "caller_id_number": "caller_id.number", "callee_id_name": "callee_id.name", "callee_id_number": "callee_id.number",
		"service.name": "brand.name", "service.provider": "brand.name", "service.host": "system.hostname",
		"numbers": "port_request.numbers", "request.port": "port_request", "request.port_id": "port_request.id", "request.cnam": "cnam",
	}
	for _, of := range []string{"voicemail", "fax"} {
		for name, now := range map[string]string{
			"caller_id_name": "caller_id.name", "caller_id_number": "caller_id.number", "callee_id_name": "callee_id.name", "callee_id_number": "callee_id.number",
			"from_user": "from.user", "to_user": "to.user", "date_called": "date_called", "call_id": "call_id",
		} {
			names[of+"."+name] = now
		}
	}
	return names
})

// olderNames adds them, where there is what they mean and no macro that has the name.
func (m *macros) olderNames() {
	for name, now := range older() {
		root, member, nested := strings.Cut(name, ".")
		value := m.at(now)
		switch {
		case value == nil:
		case !nested:
			if m.all[name] == nil {
				m.all[name] = value
			}
		default:
			if m.all[root] == nil && (root == "service" || root == "request") {
				m.all[root] = map[string]any{}
			}
			if of, ok := m.all[root].(map[string]any); ok && of[member] == nil {
				of[member] = value
			}
		}
	}
	switch family, _, _ := strings.Cut(m.ev.Type, "."); family {
	case "port", "number", "system", "account":
		if m.all["admin"] == nil {
			m.all.set("admin", m.all["user"])
		}
	}
}

// at is the macro of a name with dots.
func (m *macros) at(name string) any {
	var value any = map[string]any(m.all)
	for part := range strings.SplitSeq(name, ".") {
		of, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = of[part]
	}
	return value
}

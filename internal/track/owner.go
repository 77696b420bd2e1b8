package track

import (
	"cmp"
	"strings"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
)

// longest is how many digits a number inside has at most; longer ones are dialled outside.
const longest = 6

// accountOf is whose call it is that begins with this leg: the owner of the number that was
// dialled, else what the source's account map says of where it came from, else the owner of
// the extension that calls.
func (t *Tracker) accountOf(l *leg) string {
	if l.Trunk && !l.Outbound {
		if account, _, ok := t.owner("number", l.Dialed); ok {
			return account
		}
	}
	for _, name := range []string{l.Code, l.Context, l.Device} {
		if account := t.o.Accounts[name]; account != "" && name != "" {
			return account
		}
	}
	if !l.Trunk {
		return t.ownerOf("extension", l.Number, "device", l.Device)
	}
	return t.o.Account
}

// ownerOf is the account of the domain in one of some names, such as 101@pbx.example, if the
// account map has it; else that of the first that has an owner, else the source's. Schemas and
// names are in turn.
func (t *Tracker) ownerOf(schemasAndNames ...string) string {
	for i := 1; i < len(schemasAndNames); i += 2 {
		if _, domain, ok := strings.Cut(schemasAndNames[i], "@"); ok && t.o.Accounts[domain] != "" {
			return t.o.Accounts[domain]
		}
	}
	for i := 0; i+1 < len(schemasAndNames); i += 2 {
		if account, _, ok := t.owner(schemasAndNames[i], schemasAndNames[i+1]); ok {
			return account
		}
	}
	return t.o.Account
}

func (t *Tracker) owner(schema, name string) (account, id string, ok bool) {
	if name == "" {
		return "", "", false
	}
	return t.o.Owner(schema, name)
}

// record is the id of the account's record with one of the names, else the first name.
func (t *Tracker) recordID(account, schema string, names ...string) string {
	for _, name := range names {
		if owner, id, ok := t.owner(schema, name); ok && owner == account {
			return id
		}
	}
	return names[0]
}

// extensionOf is the number of the extension behind a device. Most devices are called by
// it; of those that are not, what they show as their own number tells it.
func (t *Tracker) extensionOf(device string, shown source.Line) string {
	if _, _, known := t.owner("extension", device); known || isNumber(device) {
		return device
	}
	if isNumber(shown.Number) && len(shown.Number) <= longest {
		return shown.Number
	}
	return cmp.Or(device, shown.Number)
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// inside reports whether a number that a phone dials is one of the system's own.
func (t *Tracker) inside(number string) bool {
	for _, schema := range [...]string{"extension", "queue", "ring_group"} {
		if _, _, known := t.owner(schema, number); known {
			return true
		}
	}
	return false
}

// outside reports whether a number looks like one that is reached through a trunk.
func outside(number string) bool {
	digits := strings.Trim(number, "+")
	return isNumber(digits) && (digits != number || len(digits) > longest)
}

// end is who is at a leg's end.
func (l *leg) end() *switchhook.Party {
	if l.Number+l.Name == "" {
		return nil
	}
	return &switchhook.Party{Type: l.partyType(), Address: l.Number, Name: l.Name}
}

func (l *leg) partyType() string {
	if l.Trunk {
		return "tel"
	}
	return "extension"
}

// extension is the one at which a leg rings or rang.
func (l *leg) extension() *switchhook.Extension {
	return &switchhook.Extension{Number: l.Number, Name: l.Own}
}

// target is whom the call's first leg dialled.
func (c *call) target(number string) *switchhook.Party {
	switch {
	case number == "":
		return nil
	case c.Direction == "internal":
		return &switchhook.Party{Type: "extension", Address: number}
	default:
		return &switchhook.Party{Type: "tel", Address: number}
	}
}

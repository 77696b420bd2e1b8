package sim

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
)

// The company whose phone system is played: everything that its directory has.
// Numbers are of the ranges that are set aside for fiction (555-01xx).

type person struct{ number, name, owner string }

func extensions() []person {
	return []person{
		{"101", "Grace Hopper", "user-grace"},
		{"102", "Alan Turing", "user-alan"},
		{"103", "Katherine Johnson", "user-katherine"},
		{"104", "Edsger Dijkstra", "user-edsger"},
		{"105", "Radia Perlman", "user-radia"},
		{"106", "Dennis Ritchie", "user-dennis"},
		{"107", "Barbara Liskov", "user-barbara"},
		{"108", "Claude Shannon", "user-claude"},
	}
}

// office is who looks after the account.
func office() person { return extensions()[0] }

func userRow(p person) obj {
	first, last, _ := strings.Cut(p.name, " ")
	row := obj{"first_name": first, "last_name": last, "email": p.email(), "username": strings.ToLower(first), "priv_level": "user"}
	if p == office() {
		row["priv_level"] = "admin"
	}
	return row
}

type did struct{ id, number, description, group, prefix string }

func dids() []did {
	return []did{
		{"did-0100", "+12025550100", "Main line", "Front office", ""},
		{"did-0101", "+12025550101", "Sales", "Sales", "SALES"},
		{"did-0102", "+12025550102", "Support & repairs", "Support", "HELP"},
		{"did-0103", "+12025550103", "Workshop, Café \"Relais\"", "Support", ""},
	}
}

// A flow is what a number's calls run through.
type flow struct{ id, step, queue string }

const (
	ringGroupID = "rg-600"
	faxboxID    = "faxbox-600"
	queueID     = "9f2d4a5e-5b0f-4a8e-8c56-2f1f0b7c9d10"
	ringFlow    = "3c1f7f0a-6d2b-4e55-9a0e-5f6f1a2b3c01"
	queueFlow   = "3c1f7f0a-6d2b-4e55-9a0e-5f6f1a2b3c02"
	nilUUID     = "00000000-0000-0000-0000-000000000000"
)

// agents answer the queue's calls; each sits at an extension.
func agents() []person {
	return []person{
		{"105", "Radia Perlman", "5e0a1c52-0b7e-4f7c-9a3d-6c1d2e3f4a05"},
		{"106", "Dennis Ritchie", "5e0a1c52-0b7e-4f7c-9a3d-6c1d2e3f4a06"},
		{"107", "Barbara Liskov", "5e0a1c52-0b7e-4f7c-9a3d-6c1d2e3f4a07"},
		{"108", "Claude Shannon", "5e0a1c52-0b7e-4f7c-9a3d-6c1d2e3f4a08"},
	}
}

// obj is the JSON object of an event's data or a record's row.
type obj = map[string]any

// Furnish puts the company's directory into the account. What is there already
// stays as it is: the same record again makes no event.
func (p *Phone) Furnish(ctx context.Context) error {
	type record struct {
		schema, id string
		row        obj
	}
	var all []record
	for _, d := range dids() {
		all = append(all, record{"number", d.id, numberRow(d, d.description)})
	}
	for _, e := range extensions() {
		all = append(all, record{"extension", "ext-" + e.number, obj{"number": e.number, "name": e.name, "owner_id": e.owner}},
			record{"mailbox", "vmbox-" + e.number, obj{"number": e.number, "name": e.name, "owner_id": e.owner}},
			record{"user", e.owner, userRow(e)})
	}
	all = append(all,
		record{"faxbox", faxboxID, obj{"name": "Front desk", "caller_id": "+12025550100", "owner_id": office().owner}},
		record{"ring_group", ringGroupID, obj{"number": "600", "name": "Front desk", "strategy": "ringall"}},
		record{"queue", queueID, obj{
			"number": "700", "name": "Support", "detail": "Repairs and questions", "routing": "random",
			"wait_timeout_ms": 300000, "service_timeout_ms": 1800000,
		}})
	for _, a := range agents() {
		all = append(all, record{"agent", a.owner, obj{
			"username": a.name[:1] + a.number, "name": a.name, "extension": a.number, "ring_method": "ringall", "status": "available",
			"addresses": []obj{{"type": "extension", "address": a.number}},
		}})
	}
	for _, r := range all {
		if err := p.Client.PutRecord(ctx, p.Account, r.schema, r.id, r.row); err != nil {
			return fmt.Errorf("furnish the directory with %s %s: %w", r.schema, r.id, err)
		}
	}
	return nil
}

func numberRow(d did, description string) obj {
	return obj{
		"number": d.number, "description": description, "group": d.group, "caller_id_prefix": d.prefix,
		"number_type": "local", "state": "DC", "ratecenter": "WSHNGTNZN1", "sms_enabled": 1,
	}
}

// dice are the random choices of one scenario. They depend on the phone's seed
// and the scenario's number only, not on what else goes on.
type dice struct{ *rand.Rand }

func newDice(seed, n uint64) dice {
	return dice{rand.New(rand.NewPCG(seed, n))} //nolint:gosec // plausible data, no secrets
}

func pick[T any](d dice, list []T) T { return list[d.IntN(len(list))] }

// uuid is a random UUID (version 4).
func (d dice) uuid() string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], d.Uint64())
	binary.BigEndian.PutUint64(b[8:], d.Uint64())
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// caller is somebody outside, with what a display shows of the name.
func (d dice) caller() (number, name string) {
	area := pick(d, []string{"201", "206", "212", "305", "312", "415", "503", "617", "713", "808"})
	number = fmt.Sprintf("+1%s55501%02d", area, d.IntN(100))
	return number, pick(d, []string{
		"Ada Lovelace", "José Álvarez", "Zoë Müller", "O'Brien & Sons", "山田 太郎", "Marie Curie", "WIRELESS CALLER",
		"Nikola Tesla", "Łukasz Kowalski", "Smith, John \"Jack\"", "Hedy Lamarr", "",
	})
}

func (d dice) text() string {
	return pick(d, []string{
		"Are you open today?", "Running 10 minutes late, sorry!", "Can I move my appointment to 3 pm?",
		"Price for 2 keys + 1 lock = ? Is 10% off still on?", "Café at 8? ☕ & croissants", "<b>Call me</b> when it's ready",
		"¿Está listo mi coche?", "Thanks \"a lot\" :)\nSee you tomorrow.",
	})
}

func (d dice) reply() string {
	return pick(d, []string{"Yes, until 6 pm.", "Of course, see you then.", "It is ready for you.", "We'll call you back within the hour."})
}

// two different members of a list.
func two[T any](d dice, list []T) (first, second T) {
	i := d.IntN(len(list))
	j := d.IntN(len(list) - 1)
	if j >= i {
		j++
	}
	return list[i], list[j]
}

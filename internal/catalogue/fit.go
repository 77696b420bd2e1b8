package catalogue

import (
	"slices"

	"github.com/switchhook/switchhook/internal/ordjson"
)

// fit takes an event's data apart if it is right for its type, in the one pass in
// which it looks. ok is false where the data is wrong, or right but rare (see
// ordjson.Scanner): then explain reads it again.
func (t *Type) fit(data []byte) (members ordjson.Object, compact, ok bool) {
	s := ordjson.Scan(data)
	var room [8]ordjson.Member
	o, missing := room[:0], 0
	for i := range t.Data {
		missing += asInt(t.Data[i].Required)
	}
	for i := range t.Flat {
		missing += asInt(t.Flat[i].Required)
	}
	ok = s.Object(func(name string) bool {
		kind := s.Kind()
		start := s.Offset()
		use := slices.IndexFunc(t.Data, func(u Use) bool { return u.Resource == name })
		flat := slices.IndexFunc(t.Flat, func(f Field) bool { return f.Name == name })
		required := use >= 0 && t.Data[use].Required
		if kind != 'n' {
			missing -= asInt(required) + asInt(flat >= 0 && t.Flat[flat].Required)
		}
		var right bool
		if r := resourceIndex()[name]; flat >= 0 {
			right = t.Flat[flat].fit(&s)
		} else if r != nil && !r.part && !t.Custom() {
			right = kind == 'n' && s.Skip() || r.fit(&s, required)
		} else {
			right = s.Skip()
		}
		o = append(o, ordjson.Member{Name: name, Value: data[start:s.Offset():s.Offset()]})
		return right
	})
	if !ok || missing > 0 || !s.End() {
		return nil, false, false
	}
	return slices.Clone(o), s.Compact(0), true
}

func asInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// fit reads a resource. required: the event is about it, so it must have its id.
func (r *Resource) fit(s *ordjson.Scanner, required bool) bool {
	identified, next := r.IDField == "" || !required, 0
	return s.Object(func(name string) bool {
		i := r.find(name, next)
		if i < 0 {
			return s.Skip()
		}
		next = i + 1
		if name == r.IDField && s.Kind() != 'n' {
			identified = true
		}
		return r.Fields[i].fit(s)
	}) && identified
}

func (f *Field) fit(s *ordjson.Scanner) bool {
	switch {
	case s.Kind() == 'n':
		return s.Skip()
	case f.Array:
		return s.Array(func() bool { return f.fitOne(s) })
	default:
		return f.fitOne(s)
	}
}

func (f *Field) fitOne(s *ordjson.Scanner) bool {
	if f.Kind == Part {
		r := resourceIndex()[f.Of]
		return r != nil && r.fit(s, false)
	}
	v, ok := s.Value()
	return ok && f.takes(v)
}

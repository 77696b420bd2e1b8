package tally

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"
)

// maxFrame is how many bytes a frame has at most once it is over. What is counted of an
// account or webhook takes 15 to 60, and its name some 30 more in the store.
const maxFrame = 128 << 10

// names are those of what is counted, as small numbers.
type names struct {
	ids  map[string]uint32
	list []string
}

// whole is the number of all accounts together.
const whole = 0

func newNames() names { return names{ids: map[string]uint32{"": whole}, list: []string{""}} }

func (n *names) id(name string) uint32 {
	id, ok := n.ids[name]
	if !ok {
		id = uint32(len(n.list))
		n.ids[name], n.list = id, append(n.list, name)
	}
	return id
}

// A frame is what was counted in one step. It never changes, but for saved.
type frame struct {
	at      time.Time
	entries []entry // rising by id
	body    []byte
	saved   bool
}

// An entry is one account or webhook of a frame.
type entry struct{ id, end uint32 } // its counts end there in the body, and begin where those before it end

func (f *frame) counts(i int) []byte {
	begin := uint32(0)
	if i > 0 {
		begin = f.entries[i-1].end
	}
	return f.body[begin:f.entries[i].end]
}

// put adds an entry, whose id is above all that there are.
func (f *frame) put(id uint32, s *sums) {
	f.body = s.append(f.body)
	f.entries = append(f.entries, entry{id, uint32(len(f.body))})
}

func (f *frame) copy(id uint32, counts []byte) {
	f.body = append(f.body, counts...)
	f.entries = append(f.entries, entry{id, uint32(len(f.body))})
}

// addTo adds the counts of some, whose ids rise.
func (f *frame) addTo(s *sums, ids []uint32) {
	rest, place := f.entries, 0
	for _, id := range ids {
		i, found := slices.BinarySearchFunc(rest, id, func(e entry, id uint32) int { return cmp.Compare(e.id, id) })
		rest, place = rest[i:], place+i
		if found {
			s.read(f.counts(place))
		}
	}
}

// merge is a frame with the counts of two.
func merge(at time.Time, a, b *frame) *frame {
	out := &frame{at: at, entries: make([]entry, 0, max(len(a.entries), len(b.entries))), body: make([]byte, 0, max(len(a.body), len(b.body))+64)}
	s := newSums()
	defer s.free()
	i, j := 0, 0
	for i < len(a.entries) || j < len(b.entries) {
		switch {
		case j == len(b.entries) || i < len(a.entries) && a.entries[i].id < b.entries[j].id:
			out.copy(a.entries[i].id, a.counts(i))
			i++
		case i == len(a.entries) || b.entries[j].id < a.entries[i].id:
			out.copy(b.entries[j].id, b.counts(j))
			j++
		default:
			s.read(a.counts(i))
			s.read(b.counts(j))
			out.put(a.entries[i].id, s)
			s.clear()
			i, j = i+1, j+1
		}
	}
	return out
}

// bounded is the frame with no more than maxFrame bytes: those with the least in it are
// left without how long it took, or out.
func (f *frame) bounded() *frame {
	if len(f.body)+len(f.entries)*8 <= maxFrame {
		return f
	}
	type ranked struct {
		place int
		n     uint64
	}
	s := newSums()
	defer s.free()
	ranks := make([]ranked, len(f.entries))
	for i := range f.entries {
		s.read(f.counts(i))
		ranks[i] = ranked{i, s.total()}
		s.clear()
	}
	slices.SortFunc(ranks, func(a, b ranked) int { return cmp.Compare(b.n, a.n) })
	kept, size := map[int][]byte{}, 0
	for _, r := range ranks {
		counts := f.counts(r.place)
		if size > maxFrame*3/4 {
			s.read(counts)
			s.answer, s.delivery = histogram{}, histogram{}
			counts = s.append(nil)
			s.clear()
		}
		if size += len(counts) + 8; size > maxFrame {
			break
		}
		kept[r.place] = counts
	}
	out := &frame{at: f.at}
	for i, e := range f.entries {
		if counts, ok := kept[i]; ok {
			out.copy(e.id, counts)
		}
	}
	return out
}

// total is how much there is in sums.
func (s *sums) total() (n uint64) {
	for _, each := range &s.n {
		n += each
	}
	for _, e := range s.events {
		n += e.n
	}
	return n
}

// append writes sums: the counts, the families, and of each histogram the buckets in which
// there is anything, each with its distance from the one before.
func (s *sums) append(b []byte) []byte {
	for _, n := range &s.n {
		b = binary.AppendUvarint(b, n)
	}
	b = binary.AppendUvarint(b, uint64(len(s.events)))
	for _, e := range s.events {
		b = appendText(b, e.family)
		b = binary.AppendUvarint(b, e.n)
	}
	for _, h := range []*histogram{&s.answer, &s.delivery} {
		filled := uint64(0)
		for _, n := range h {
			filled += min(n, 1)
		}
		b = binary.AppendUvarint(b, filled)
		before := 0
		for i, n := range h {
			if n > 0 {
				b = binary.AppendUvarint(b, uint64(i-before))
				b = binary.AppendUvarint(b, n)
				before = i
			}
		}
	}
	return b
}

// read adds what append wrote. It panics where that is not so: readFrame looks before.
func (s *sums) read(b []byte) {
	r := reader{b: b}
	r.sums(s)
	if r.err != nil {
		panic(r.err)
	}
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// frameVersion is the first byte of a frame in the store.
const frameVersion = 1

// append writes a frame for the store, where numbers of names say nothing.
func (f *frame) append(b []byte, n *names) []byte {
	b = append(b, frameVersion)
	b = binary.AppendUvarint(b, uint64(len(f.entries)))
	for i, e := range f.entries {
		b = appendText(b, n.list[e.id])
		b = appendText(b, string(f.counts(i)))
	}
	return b
}

// readFrame reads what append wrote.
func readFrame(at time.Time, b []byte, n *names) (*frame, error) {
	if len(b) == 0 || b[0] != frameVersion {
		return nil, errors.New("it is of another version")
	}
	r := reader{b: b[1:]}
	type one struct {
		id     uint32
		counts []byte
	}
	var all []one
	s := newSums()
	defer s.free()
	for range r.number() {
		name, counts := r.text(), r.text()
		inner := reader{b: counts}
		if inner.sums(s); r.err == nil {
			r.err = inner.err
		}
		s.clear()
		if r.err != nil {
			return nil, r.err
		}
		all = append(all, one{n.id(string(name)), counts})
	}
	slices.SortFunc(all, func(a, b one) int { return cmp.Compare(a.id, b.id) })
	f := &frame{at: at, saved: true}
	for _, e := range all {
		f.copy(e.id, e.counts)
	}
	return f, r.err
}

// A reader reads numbers and texts, until something is wrong.
type reader struct {
	b   []byte
	err error
}

var errShort = errors.New("it ends early")

func (r *reader) number() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.b, r.err = nil, errShort
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) text() []byte {
	n := r.number()
	if n > uint64(len(r.b)) {
		r.b, r.err = nil, errShort
		return nil
	}
	text := r.b[:n]
	r.b = r.b[n:]
	return text
}

// sums adds what is read.
func (r *reader) sums(s *sums) {
	for i := range &s.n {
		s.n[i] += r.number()
	}
	for range min(r.number(), uint64(len(r.b))) {
		family := r.text()
		s.accept(string(family), r.number())
	}
	for _, h := range []*histogram{&s.answer, &s.delivery} {
		bucket := uint64(0)
		for range min(r.number(), uint64(len(r.b))) {
			bucket += r.number()
			n := r.number()
			if bucket >= uint64(len(h)) {
				r.b, r.err = nil, fmt.Errorf("there is no bucket %d", bucket)
				return
			}
			h[bucket] += n
		}
	}
}

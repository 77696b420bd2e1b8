package django

import (
	"slices"
	"strings"
	"unicode/utf8"
)

func first(r *run, in, _ any) any {
	if list, ok := in.([]any); ok {
		if len(list) == 0 {
			return nil
		}
		return list[0]
	}
	s := r.text(in)
	_, size := utf8.DecodeRuneInString(s)
	return s[:size]
}

func last(r *run, in, _ any) any {
	if list, ok := in.([]any); ok {
		if len(list) == 0 {
			return nil
		}
		return list[len(list)-1]
	}
	s := r.text(in)
	_, size := utf8.DecodeLastRuneInString(s)
	return s[len(s)-size:]
}

func length(r *run, in, _ any) any {
	if g, ok := in.(*group); ok {
		in = g.list
	}
	switch in.(type) {
	case nil:
		return int64(0)
	case []any, map[string]any, Object:
		return int64(size(in))
	}
	s := r.text(in)
	r.read(len(s))
	return int64(utf8.RuneCountInString(s))
}

func lengthIs(r *run, in, arg any) any {
	n, ok := wholeOf(arg)
	return ok && length(r, in, nil) == int64(n)
}

// join writes a list with a text between its elements. The elements are escaped one by one, so
// that the text may be <br>.
func join(r *run, in, arg any) any {
	list, ok := in.([]any)
	if !ok {
		return in
	}
	between := r.safe(arg)
	b := r.buffer()
	for i, e := range list {
		r.step(1)
		if i > 0 {
			b.write(between)
		}
		if _, trusted := e.(Trusted); r.escape && !trusted {
			b.escape(r.text(e))
		} else {
			b.write(r.text(e))
		}
	}
	return r.html(b)
}

// html is what a filter made as HTML: trusted, if it was made where text is escaped.
func (r *run) html(b *buffer) any {
	if r.escape {
		return Trusted(b.String())
	}
	return b.String()
}

// slice is in[from:to:step], which Python has.
func slice(r *run, in, arg any) any {
	list, isList := in.([]any)
	s, n := "", len(list)
	if !isList {
		s = r.text(in)
		r.read(len(s))
		n = utf8.RuneCountInString(s)
	}
	r.room(4 * ofValue)
	from, to, step, ok := bounds(r.text(arg), n)
	switch {
	case !ok:
		return in
	case isList && step == 1:
		return list[from:to]
	case isList:
		some := make([]any, 0, r.stepped(from, to, step))
		for i := from; i >= 0 && i < n && (i < to) == (step > 0) && i != to; i += step {
			some = append(some, list[i])
		}
		return some
	case step == 1:
		return s[offset(s, from):offset(s, to)]
	}
	letters := r.letters(s)
	b := r.buffer()
	for i := from; i >= 0 && i < n && (i < to) == (step > 0) && i != to; i += step {
		b.write(letters[i])
	}
	return b.String()
}

// stepped pays for the elements of a slice and says how many they are.
func (r *run) stepped(from, to, step int) int {
	n := max(0, (to-from+step)/step)
	r.list(n)
	return n
}

// bounds reads a slice of n elements. A single number is where it ends, as in Django.
func bounds(arg string, n int) (from, to, step int, ok bool) {
	parts := strings.SplitN(arg, ":", 4)
	if len(parts) > 3 {
		return 0, 0, 0, false
	}
	if len(parts) == 1 {
		parts = []string{"", parts[0]}
	}
	numbers := [3]int{0, 0, 1}
	given := [3]bool{}
	for i, p := range parts {
		if p = strings.TrimSpace(p); p == "" {
			continue
		}
		if numbers[i], given[i] = wholeOf(p); !given[i] {
			return 0, 0, 0, false
		}
	}
	step = max(min(numbers[2], n+1), -n-1)
	low, high := 0, n
	if step == 0 {
		return 0, 0, 0, false
	}
	if step < 0 {
		low, high = -1, n-1
	}
	place := func(i, usual int) int {
		if !given[i] {
			return usual
		}
		at := numbers[i]
		if at < 0 {
			at = max(at, -n-1) + n
		}
		return min(max(at, low), high)
	}
	if from, to = place(0, low), place(1, high); step < 0 {
		from, to = place(0, high), place(1, low)
	}
	if step == 1 {
		to = max(from, to)
	}
	return from, to, step, true
}

// offset is where the letter number n begins.
func offset(s string, n int) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

// letters are the letters of a text.
func (r *run) letters(s string) []string {
	n := utf8.RuneCountInString(s)
	r.list(n)
	all := make([]string, 0, n)
	for s != "" {
		_, size := utf8.DecodeRuneInString(s)
		all = append(all, s[:size])
		s = s[size:]
	}
	return all
}

func makeList(r *run, in, _ any) any {
	if list, ok := in.([]any); ok {
		return list
	}
	letters := r.letters(r.text(in))
	r.list(2 * len(letters))
	list := make([]any, len(letters))
	for i, l := range letters {
		list[i] = l
	}
	return list
}

func dictsort(r *run, in, arg any) any { return r.sorted(in, arg, 1) }

func dictsortreversed(r *run, in, arg any) any { return r.sorted(in, arg, -1) }

// sorted sorts a list of objects by a member, or of lists by an element.
func (r *run) sorted(in, arg any, sign int) any {
	list, ok := in.([]any)
	if !ok {
		return in
	}
	type keyed struct{ key, value any }
	r.list(4 * len(list))
	all := make([]keyed, len(list))
	path := r.text(arg)
	for i, e := range list {
		all[i] = keyed{e, e}
		for name := range strings.SplitSeq(path, ".") {
			all[i].key = r.member(all[i].key, name)
		}
	}
	slices.SortStableFunc(all, func(a, b keyed) int {
		r.step(1)
		order, _ := r.compare(a.key, b.key)
		return sign * order
	})
	values := make([]any, len(all))
	for i := range all {
		values[i] = all[i].value
	}
	return values
}

// unorderedList writes a list, and the lists within it, as items of HTML without the outer <ul>.
func unorderedList(r *run, in, _ any) any {
	list, ok := in.([]any)
	if !ok {
		return in
	}
	b := r.buffer()
	r.items(b, list, 1)
	return r.html(b)
}

func (r *run) items(b *buffer, list []any, depth int) {
	if depth > maxDepth {
		r.fail("the data is nested too deeply for a list")
	}
	indent := blank[:depth]
	indent = strings.ReplaceAll(indent, " ", "\t")
	for i := 0; i < len(list); i++ {
		r.step(2)
		if i > 0 || depth > 1 {
			b.writeByte('\n')
		}
		b.write(indent + "<li>")
		inner, isList := list[i].([]any)
		if !isList {
			b.write(r.safe(list[i]))
			if i+1 < len(list) {
				inner, isList = list[i+1].([]any)
			}
			if isList {
				i++
			}
		}
		if isList {
			b.write("\n" + indent + "<ul>")
			r.items(b, inner, depth+1)
			b.write("\n" + indent + "</ul>\n" + indent)
		}
		b.write("</li>")
	}
}

// escapeseq and the like are for lists; the elements are escaped when they are written.
func escapeseq(_ *run, in, _ any) any { return in }

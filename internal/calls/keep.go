package calls

import (
	"encoding/json"
	"time"

	"github.com/switchhook/switchhook/internal/ordjson"
)

// keep makes whole the last snapshot, in place of the one that was there, if any, and
// returns it as it is written.
func (f *Folder) keep(r ref, was *snapshot, whole ordjson.Object, root, toldBy string, now time.Time, changes *changeSet) (data json.RawMessage) {
	data = whole.Pack()
	sn := &snapshot{object: whole, data: data, root: root, ended: hasEnded(r.kind, whole), changed: now}
	if len(data) > mostRemembered {
		sn.object = remembered(whole)
		sn.data = sn.object.Pack()
	}
	if sn.ended {
		sn.toldBy = toldBy
	}
	if was != nil {
		sn.queued = was.queued
	}
	f.put(r, sn)
	if sn.ended && (was == nil || !was.ended) {
		f.enqueue(r, sn)
		// A first leg that has left its call is kept as long as the call goes on without it, and
		// a while: the call's end must not be told for it again.
		first := ref{r.account, r.kind, root}
		if left := f.known[first]; left != nil && left != sn && left.ended && left.leftEarly(first) && f.live[first] == 0 {
			left.changed = now
			f.enqueue(first, left)
			changes.set(first, left)
		}
	}
	changes.set(r, sn)
	return data
}

// put makes sn the snapshot of what r names.
func (f *Folder) put(r ref, sn *snapshot) {
	count := func(sn *snapshot, n int) {
		if sn == nil || sn.ended || r.kind != "call" {
			return
		}
		call := ref{r.account, r.kind, sn.root}
		if f.live[call] += n; f.live[call] == 0 {
			delete(f.live, call)
		}
	}
	count(f.known[r], -1)
	count(sn, +1)
	f.known[r] = sn
}

func (f *Folder) enqueue(r ref, sn *snapshot) {
	if !sn.queued {
		f.ended, sn.queued = append(f.ended, r), true
	}
}

// A snapshot goes into every event of what it is of: a thousand of these can be sent in a
// few bytes, and each is kept. So of one that is longer than mostRemembered only its id is
// remembered, and what is short, up to that length.
const (
	mostRemembered = 64 << 10
	shortMember    = 1 << 10
)

// remembered is what later events get to know of a whole that is too long.
func remembered(whole ordjson.Object) (o ordjson.Object) {
	room := mostRemembered
	for _, m := range whole {
		size := len(`"":,`) + len(m.Name) + len(m.Value)
		if m.Name == "id" || size <= shortMember && size <= room {
			o = append(o, m)
			room -= size
		}
	}
	return o
}

// forget drops what ended more than Grace ago, and more than mostEnded.
func (f *Folder) forget(now time.Time, changes *changeSet) {
	for len(f.ended) > 0 {
		r := f.ended[0]
		sn := f.known[r]
		ended := sn != nil && sn.ended
		if ended && now.Sub(sn.changed) < Grace && len(f.ended) <= mostEnded {
			return
		}
		f.ended = f.ended[1:]
		if sn != nil {
			sn.queued = false
		}
		if ended && (!sn.leftEarly(r) || f.live[r] == 0) { // else it lives again, or comes back when its call's last leg ends
			delete(f.known, r)
			changes.drop(r, now)
		}
	}
}

// leftEarly reports whether it is of a call's first leg, whose end was told as a leg's.
func (sn *snapshot) leftEarly(r ref) bool { return sn.toldBy == "leg.hungup" && sn.root == r.id }

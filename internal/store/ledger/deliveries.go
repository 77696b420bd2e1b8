package ledger

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store"
)

// A delivery is not a row. Where it stands follows from three tables:
//
//   - it is open (pending) if it is due, or if its event lies beyond the
//     watermark, has it among its targets, and no attempt has closed it;
//   - otherwise it stands as the last attempt that closed it says.
//
// So a success writes one row, its attempt, and a failed delivery that is
// replayed is pending again as soon as it is due.

// A standing is what the tables say of one delivery.
type standing struct {
	attempts int // that were made
	due      *switchhook.Due
	closed   *closing // nil: no attempt has closed it
}

type closing struct {
	state switchhook.DeliveryState
	at    time.Time
	error string
}

// standings are those of some events' deliveries.
type standings struct {
	watermark int64
	of        map[switchhook.DeliveryRef]*standing
	webhooks  map[int64][]string // by sequence, those that have a standing
}

func (s *standings) at(ref switchhook.DeliveryRef) *standing {
	st := s.of[ref]
	if st == nil {
		st = &standing{}
		s.of[ref] = st
		s.webhooks[ref.Sequence] = append(s.webhooks[ref.Sequence], ref.WebhookID)
	}
	return st
}

// standings reads those of the deliveries of events: of one webhook, or, where
// none is named, of all.
//
// Without a transaction the order counts. First the watermark: what is then not
// due is closed, or it is seen as open still. Then what is due: what is then
// settled has been closed by an attempt. And last the attempts.
func (d *DB) standings(ctx context.Context, events map[int64]*switchhook.Event, webhook string) (*standings, error) {
	s := &standings{of: make(map[switchhook.DeliveryRef]*standing), webhooks: make(map[int64][]string)}
	if len(events) == 0 {
		return s, nil
	}
	var err error
	if s.watermark, err = d.watermark(ctx); err != nil {
		return nil, err
	}
	if err := d.standingsDue(ctx, s, events, webhook); err != nil {
		return nil, err
	}
	first, last := int64(math.MaxInt64), int64(0)
	var terms []uint32
	for sequence, e := range events {
		first, last = min(first, sequence), max(last, sequence)
		terms = append(terms, term(attemptEvent, e.ID))
	}
	w := walk{
		table: &attemptBlocks, from: d.history.firstAttempt(first), to: math.MaxInt64,
		rising: true, low: last + 1, terms: [][]uint32{terms},
	}
	if webhook != "" {
		w.terms = append(w.terms, []uint32{term(attemptWebhook, webhook)})
	}
	return s, d.walk(ctx, w, func(b *block) (bool, error) {
		for i, record := range b.records {
			if events[sequenceOf(record)] == nil {
				continue
			}
			a, err := decodeAttempt(record, b.first+int64(i), false)
			if err != nil {
				return false, err
			}
			st := s.at(switchhook.DeliveryRef{Sequence: a.Sequence, WebhookID: a.WebhookID})
			if a.Number > 0 {
				st.attempts++
			}
			if a.State != switchhook.Pending {
				at := a.StartedAt.Add(time.Duration(a.DurationMS * float64(time.Millisecond)))
				st.closed = &closing{a.State, store.Stored(at), a.Error}
			}
		}
		return false, nil
	})
}

func (d *DB) watermark(ctx context.Context) (n int64, err error) {
	err = d.db.QueryRowContext(ctx, "SELECT watermark FROM meta").Scan(&n)
	return n, err
}

// standingsDue adds what is due: by the events' targets, and what replays added.
func (d *DB) standingsDue(ctx context.Context, s *standings, events map[int64]*switchhook.Event, webhook string) error {
	of := make(map[string][]int64)
	var all []int64
	for sequence, e := range events {
		all = append(all, sequence)
		for _, target := range e.Targets {
			of[target] = append(of[target], sequence)
		}
	}
	if webhook != "" {
		of = map[string][]int64{webhook: all}
	}
	add := func(scan scan) error {
		due, err := scanDue(scan)
		if err != nil {
			return err
		}
		s.at(due.DeliveryRef).due = due
		return nil
	}
	for target, sequences := range of {
		err := each(ctx, d.db, add, "SELECT "+dueColumns+" FROM due WHERE webhook_id = ? AND seq IN (SELECT value FROM json_each(?))", target, list(sequences))
		if err != nil {
			return err
		}
	}
	if webhook != "" {
		return nil
	}
	return each(ctx, d.db, add, dueOfReplays, list(all))
}

// A delivery is one of an event's.
type delivery struct {
	webhook string
	open    bool
	standing
}

// deliveries returns those of an event, open or closed: first in the order of
// the targets, then those that a replay has added.
func (s *standings) deliveries(sequence int64, targets []string) (all []delivery) {
	added := slices.DeleteFunc(slices.Sorted(slices.Values(s.webhooks[sequence])), func(id string) bool {
		return slices.Contains(targets, id)
	})
	for i, webhook := range slices.Concat(targets, added) {
		d := delivery{webhook: webhook}
		if st := s.of[switchhook.DeliveryRef{Sequence: sequence, WebhookID: webhook}]; st != nil {
			d.standing = *st
		}
		isTarget := i < len(targets)
		d.open = d.due != nil || isTarget && sequence > s.watermark && d.closed == nil
		if d.open || d.closed != nil {
			all = append(all, d)
		}
	}
	return all
}

// maxDeliveryPage is how many events are looked at in one go, at most.
const maxDeliveryPage = 500

// Deliveries lists newest first, by the sequences of the events.
func (d *DB) Deliveries(ctx context.Context, f switchhook.DeliveryFilter, p switchhook.Page) (deliveries []*switchhook.Delivery, next string, err error) {
	below, after, err := parseDeliveryCursor(p.Cursor)
	if err != nil {
		return nil, "", err
	}
	// Where few events have what is wanted, ever more are looked at.
	for n := p.Limit + 1; len(deliveries) <= p.Limit; n = min(2*n, maxDeliveryPage) {
		sequences, err := d.candidates(ctx, f, below, n)
		if err != nil {
			return nil, "", fmt.Errorf("list deliveries: %w", err)
		}
		if len(sequences) == 0 {
			break
		}
		found, err := d.expand(ctx, f, sequences, after)
		if err != nil {
			return nil, "", fmt.Errorf("list deliveries: %w", err)
		}
		deliveries = append(deliveries, found...)
		below = sequences[len(sequences)-1]
	}
	if len(deliveries) > p.Limit {
		deliveries = deliveries[:p.Limit]
		last := deliveries[p.Limit-1]
		next = strconv.FormatInt(last.Sequence, 10) + "." + last.WebhookID
	}
	return deliveries, next, nil
}

// parseDeliveryCursor returns the last delivery of the page before, and the
// sequence below which to look: a page may end in the middle of an event's
// deliveries.
func parseDeliveryCursor(cursor string) (below int64, last switchhook.DeliveryRef, err error) {
	if cursor == "" {
		return math.MaxInt64, last, nil
	}
	number, webhook, ok := strings.Cut(cursor, ".")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || !ok {
		return 0, last, errCursor()
	}
	return n + 1, switchhook.DeliveryRef{Sequence: n, WebhookID: webhook}, nil
}

// candidates returns the sequences, newest first and below the given one, of
// the next events that may have a delivery that the filter wants, up to n. The
// sources are read in the order that standings needs.
func (d *DB) candidates(ctx context.Context, f switchhook.DeliveryFilter, below int64, n int) (sequences []int64, err error) {
	from, to := d.history.span(f.Since, f.Until)
	w := walk{table: &eventBlocks, from: from, to: min(to, below)}
	if f.Events != nil {
		for _, e := range f.Events {
			if w.from <= e.Sequence && e.Sequence < w.to && (f.EventID == "" || f.EventID == e.ID) {
				sequences = append(sequences, e.Sequence)
			}
		}
		slices.SortFunc(sequences, falling)
		sequences = slices.Compact(sequences)
		return sequences[:min(len(sequences), n)], nil
	}
	if f.EventID != "" {
		w.terms = [][]uint32{{term(eventID, f.EventID)}}
		return d.sequences(ctx, w, n, func(e *switchhook.Event) bool { return e.ID == f.EventID })
	}
	if f.Of != nil && f.Of.CallID != "" {
		w.terms = [][]uint32{callTerms(f.Of.CallID)}
		return d.sequences(ctx, w, n, func(e *switchhook.Event) bool { return store.WantsDeliveriesOf(&f, e) })
	}
	ended := f.State != "" && f.State != switchhook.Pending && f.State != switchhook.Delivered
	if !ended && (f.WebhookID != "" || f.State == switchhook.Pending) {
		if sequences, err = d.openCandidates(ctx, f, w, n); err != nil {
			return nil, err
		}
	}
	var found []int64
	switch {
	case ended:
		w.terms = [][]uint32{{term(attemptEnded, string(f.State), f.WebhookID)}}
		found, err = d.attempted(ctx, w, n, func(a *switchhook.Attempt) bool {
			return a.State == f.State && (f.WebhookID == "" || f.WebhookID == a.WebhookID)
		})
	case f.State == switchhook.Pending:
	case f.WebhookID != "":
		w.terms = [][]uint32{{term(attemptWebhook, f.WebhookID)}}
		found, err = d.attempted(ctx, w, n, func(a *switchhook.Attempt) bool { return a.WebhookID == f.WebhookID })
	default:
		w.accounts(eventAccount, f.Accounts)
		found, err = d.sequences(ctx, w, n, func(e *switchhook.Event) bool { return store.WantsDeliveriesOf(&f, e) })
	}
	// Each source gave its newest: the newest n of their union have no gap.
	sequences = slices.Concat(sequences, found)
	slices.SortFunc(sequences, falling)
	sequences = slices.Compact(sequences)
	return sequences[:min(len(sequences), n)], err
}

func falling(a, b int64) int { return cmp.Compare(b, a) }

// openCandidates are the events of a span beyond the watermark and those with
// something due, the newest n of each.
func (d *DB) openCandidates(ctx context.Context, f switchhook.DeliveryFilter, w walk, n int) ([]int64, error) {
	watermark, err := d.watermark(ctx)
	if err != nil {
		return nil, err
	}
	beyond := w
	beyond.from = max(w.from, watermark+1)
	sequences, err := d.sequences(ctx, beyond, n, func(e *switchhook.Event) bool {
		return store.Allowed(f.Accounts, e.AccountID) && (f.WebhookID == "" || slices.Contains(e.Targets, f.WebhookID))
	})
	if err != nil {
		return nil, err
	}
	webhooks := []string{f.WebhookID}
	if f.WebhookID == "" {
		if webhooks, err = dueWebhooks(ctx, d.db); err != nil {
			return nil, err
		}
	}
	for _, webhook := range webhooks {
		err := each(ctx, d.db, func(scan scan) error {
			var sequence int64
			err := scan(&sequence)
			sequences = append(sequences, sequence)
			return err
		}, "SELECT seq FROM due WHERE webhook_id = ? AND seq >= ? AND seq < ? ORDER BY seq DESC LIMIT ?", webhook, w.from, w.to, n)
		if err != nil {
			return nil, err
		}
	}
	return sequences, nil
}

// sequences are those of the newest n events of a walk that are wanted.
func (d *DB) sequences(ctx context.Context, w walk, n int, wanted func(*switchhook.Event) bool) ([]int64, error) {
	found, err := d.events(ctx, w, n, wanted)
	sequences := make([]int64, len(found))
	for i, e := range found {
		sequences[i] = e.Sequence
	}
	return sequences, err
}

// attempted returns the highest n sequences from the span of w that attempts are
// about. These are found in another order, that of the attempts: no block before
// one has a sequence above its upto, which tells when there are enough.
func (d *DB) attempted(ctx context.Context, w walk, n int, wanted func(*switchhook.Attempt) bool) (highest []int64, err error) {
	from, to := w.from, w.to
	w.table, w.low = &attemptBlocks, to
	w.from, w.to = d.history.firstAttempt(from), math.MaxInt64
	err = d.walk(ctx, w, func(b *block) (bool, error) {
		if len(highest) == n && b.upto < highest[n-1] {
			return true, nil
		}
		for i, record := range b.records {
			sequence := sequenceOf(record)
			at, found := slices.BinarySearchFunc(highest, sequence, falling)
			if sequence < from || sequence >= to || at == n || found {
				continue
			}
			a, err := decodeAttempt(record, b.first+int64(i), false)
			if err != nil {
				return false, err
			}
			if wanted(a) {
				highest = slices.Insert(highest, at, sequence)
				highest = highest[:min(n, len(highest))]
			}
		}
		return false, nil
	})
	return highest, err
}

// Delivery returns the delivery of an id: of a target, or of a webhook that a
// replay added, which an attempt or a due row tells.
func (d *DB) Delivery(ctx context.Context, accounts []string, id string) (*switchhook.Delivery, error) {
	v, err := d.delivery(ctx, accounts, id)
	if err != nil {
		return nil, fmt.Errorf("read delivery: %w", err)
	}
	if v == nil {
		return nil, switchhook.Errorf(switchhook.CodeNotFound, "there is no delivery %q", id)
	}
	return v, nil
}

func (d *DB) delivery(ctx context.Context, accounts []string, id string) (*switchhook.Delivery, error) {
	w := walk{table: &eventBlocks, to: math.MaxInt64, terms: [][]uint32{{term(eventTarget, id)}}}
	sequences, err := d.sequences(ctx, w, 1, func(e *switchhook.Event) bool {
		return slices.ContainsFunc(e.Targets, func(webhook string) bool { return id == switchhook.DeliveryID(e.AccountID, e.ID, webhook) })
	})
	if err != nil {
		return nil, err
	}
	if len(sequences) == 0 {
		if sequences, err = d.replayed(ctx, id); err != nil {
			return nil, err
		}
	}
	if len(sequences) == 0 {
		w := walk{table: &attemptBlocks, to: math.MaxInt64, terms: [][]uint32{{term(attemptReplay, id)}}}
		attempts, err := d.attempts(ctx, w, 1, func(a *switchhook.Attempt) bool {
			return id == switchhook.DeliveryID(a.AccountID, a.EventID, a.WebhookID)
		})
		if err != nil {
			return nil, err
		}
		for _, a := range attempts {
			sequences = append(sequences, a.Sequence)
		}
	}
	found, err := d.expand(ctx, switchhook.DeliveryFilter{Accounts: accounts}, sequences, switchhook.DeliveryRef{})
	for _, v := range found {
		if v.ID == id {
			return v, err
		}
	}
	return nil, err
}

// replayed looks for the event of a delivery among the rows of replays.
func (d *DB) replayed(ctx context.Context, id string) ([]int64, error) {
	const page = 1000
	for after := int64(-1); ; {
		var refs []switchhook.DeliveryRef
		var sequences []int64
		err := each(ctx, d.db, func(scan scan) error {
			var ref switchhook.DeliveryRef
			err := scan(&ref.Sequence, &ref.WebhookID)
			refs, sequences = append(refs, ref), append(sequences, ref.Sequence)
			return err
		}, nextOfReplays, after, page)
		if err != nil {
			return nil, err
		}
		events, err := d.eventsOf(ctx, sequences)
		if err != nil {
			return nil, err
		}
		for _, ref := range refs {
			if e := events[ref.Sequence]; e != nil && id == switchhook.DeliveryID(e.AccountID, e.ID, ref.WebhookID) {
				return []int64{e.Sequence}, nil
			}
		}
		if len(refs) < page {
			return nil, nil
		}
		// All rows of the last event, though it may have more than a page.
		after = max(after+1, refs[page-1].Sequence-1)
	}
}

// States says where the deliveries of some events to a webhook stand.
func (d *DB) States(ctx context.Context, webhookID string, sequences []int64) (map[int64]switchhook.DeliveryState, error) {
	found, err := d.expand(ctx, switchhook.DeliveryFilter{WebhookID: webhookID}, sequences, switchhook.DeliveryRef{})
	if err != nil {
		return nil, fmt.Errorf("read states: %w", err)
	}
	states := make(map[int64]switchhook.DeliveryState, len(found))
	for _, v := range found {
		states[v.Sequence] = v.State
	}
	return states, nil
}

// expand returns the deliveries of the events that the filter wants, in the
// order of the sequences given; of the event where the last page ended, those
// that come after.
func (d *DB) expand(ctx context.Context, f switchhook.DeliveryFilter, sequences []int64, after switchhook.DeliveryRef) (found []*switchhook.Delivery, err error) {
	events, err := d.eventsOf(ctx, slices.Sorted(slices.Values(sequences)))
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(events, func(_ int64, e *switchhook.Event) bool { return !store.WantsDeliveriesOf(&f, e) })
	standings, err := d.standings(ctx, events, f.WebhookID)
	if err != nil {
		return nil, err
	}
	for _, sequence := range sequences {
		e := events[sequence]
		if e == nil {
			continue
		}
		all := standings.deliveries(sequence, e.Targets)
		if sequence == after.Sequence {
			// The order within an event does not change while deliveries close.
			all = all[1+slices.IndexFunc(all, func(d delivery) bool { return d.webhook == after.WebhookID }):]
		}
		for _, d := range all {
			v := d.view(e)
			if (f.WebhookID == "" || f.WebhookID == v.WebhookID) && (f.State == "" || f.State == v.State) {
				found = append(found, v)
			}
		}
	}
	return found, nil
}

func (d delivery) view(e *switchhook.Event) *switchhook.Delivery {
	v := &switchhook.Delivery{
		ID:         switchhook.DeliveryID(e.AccountID, e.ID, d.webhook),
		EventID:    e.ID,
		EventType:  e.Type,
		AccountID:  e.AccountID,
		WebhookID:  d.webhook,
		Key:        e.Key,
		Sequence:   e.Sequence,
		State:      switchhook.Pending,
		Attempts:   d.attempts,
		AcceptedAt: e.AcceptedAt,
	}
	switch {
	case !d.open:
		v.State, v.EndedAt = d.closed.state, d.closed.at
		if v.State != switchhook.Delivered {
			v.Reason = d.closed.error
		}
	case d.due != nil:
		v.NextAttemptAt = d.due.At
		v.Attempts = max(v.Attempts, d.due.Attempts)
	}
	return v
}

package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
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

func readStandings(ctx context.Context, tx querier, sequences []int64) (*standings, error) {
	s := &standings{of: make(map[switchhook.DeliveryRef]*standing), webhooks: make(map[int64][]string)}
	err := each(ctx, tx, func(scan scan) error { return scan(&s.watermark) }, "SELECT watermark FROM meta")
	if err != nil {
		return nil, err
	}
	these := list(sequences)
	err = each(ctx, tx, func(scan scan) error {
		var ref switchhook.DeliveryRef
		var number int
		var started int64
		var ms float64
		c := &closing{}
		if err := scan(&ref.Sequence, &ref.WebhookID, &number, &c.state, &started, &ms, &c.error); err != nil {
			return err
		}
		st := s.at(ref)
		if number > 0 {
			st.attempts++
		}
		if c.state != switchhook.Pending {
			c.at = fromMicros(started).Add(time.Duration(ms * float64(time.Millisecond))).Truncate(time.Microsecond)
			st.closed = c
		}
		return nil
	}, `SELECT seq, webhook_id, number, state, started_at, duration_ms, error
		FROM attempts WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY row`, these)
	if err != nil {
		return nil, err
	}
	err = each(ctx, tx, func(scan scan) error {
		due, err := scanDue(scan)
		if err != nil {
			return err
		}
		s.at(due.DeliveryRef).due = due
		return nil
	}, `SELECT `+dueColumns+` FROM due WHERE seq IN (SELECT value FROM json_each(?))`, these)
	return s, err
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
	err = d.view(ctx, func(tx *sql.Tx) error {
		// Where few events have what is wanted, ever more are looked at.
		for n := p.Limit + 1; len(deliveries) <= p.Limit; n *= 2 {
			n = min(n, maxDeliveryPage)
			sequences, err := candidates(ctx, tx, f, below, n)
			if err != nil || len(sequences) == 0 {
				return err
			}
			found, err := expand(ctx, tx, f, sequences, after)
			if err != nil {
				return err
			}
			deliveries = append(deliveries, found...)
			below = sequences[len(sequences)-1]
		}
		return nil
	})
	if err != nil {
		return nil, "", fmt.Errorf("list deliveries: %w", err)
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
// the next events that may have a delivery that the filter wants, up to n.
func candidates(ctx context.Context, tx *sql.Tx, f switchhook.DeliveryFilter, below int64, n int) ([]int64, error) {
	var accounts []string
	sources := candidateSources(f, below, n)
	if len(sources) == 1 && sources[0].table == "events" {
		accounts = f.Accounts // the others have no accounts, or none that is indexed
	}
	var sequences []int64
	for _, s := range sources {
		text, args := s.query(accounts)
		err := each(ctx, tx, func(scan scan) error {
			var sequence int64
			err := scan(&sequence)
			sequences = append(sequences, sequence)
			return err
		}, text, args...)
		if err != nil {
			return nil, err
		}
	}
	// Each source gave its newest: the newest n of their union have no gap.
	slices.SortFunc(sequences, func(a, b int64) int { return cmp.Compare(b, a) })
	sequences = slices.Compact(sequences)
	return sequences[:min(len(sequences), n)], nil
}

// candidateSources are where the candidates are.
func candidateSources(f switchhook.DeliveryFilter, below int64, n int) []*selection {
	source := func(table string) *selection {
		s := &selection{table: table, key: "seq", columns: "DISTINCT seq", limit: n}
		s.where("seq < ?", below)
		return s
	}
	events, attempts, due := source("events"), source("attempts"), source("due")
	beyond := source("events")
	beyond.where("seq > (SELECT watermark FROM meta)")
	if f.WebhookID != "" {
		due.where("webhook_id = ?", f.WebhookID)
	}
	switch {
	case f.EventID != "":
		events.narrow = true
		events.where("id = ?", f.EventID)
		return []*selection{events}
	case f.State == switchhook.Pending:
		return []*selection{due, beyond}
	case f.State != "" && f.State != switchhook.Delivered:
		attempts.where("state = ? AND state IN ('failed', 'expired', 'cancelled')", string(f.State))
		if f.WebhookID != "" {
			attempts.where("+webhook_id = ?", f.WebhookID)
		}
		return []*selection{attempts}
	case f.WebhookID != "":
		attempts.where("webhook_id = ?", f.WebhookID)
		return []*selection{attempts, due, beyond}
	}
	return []*selection{events}
}

// Delivery returns the delivery of an id.
func (d *DB) Delivery(ctx context.Context, accounts []string, id string) (*switchhook.Delivery, error) {
	for cursor := ""; ; {
		page, next, err := d.Deliveries(ctx, switchhook.DeliveryFilter{Accounts: accounts}, switchhook.Page{Limit: 100, Cursor: cursor})
		if err != nil {
			return nil, err
		}
		for _, v := range page {
			if v.ID == id {
				return v, nil
			}
		}
		if cursor = next; next == "" {
			return nil, switchhook.Errorf(switchhook.CodeNotFound, "there is no delivery %q", id)
		}
	}
}

// States says where the deliveries of some events to a webhook stand.
func (d *DB) States(ctx context.Context, webhookID string, sequences []int64) (map[int64]switchhook.DeliveryState, error) {
	states := make(map[int64]switchhook.DeliveryState)
	err := d.view(ctx, func(tx *sql.Tx) error {
		found, err := expand(ctx, tx, switchhook.DeliveryFilter{WebhookID: webhookID}, sequences, switchhook.DeliveryRef{})
		for _, v := range found {
			states[v.Sequence] = v.State
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read states: %w", err)
	}
	return states, nil
}

// expand returns the deliveries of the events that the filter wants, in the
// order of the sequences given; of the event where the last page ended, those
// that come after.
func expand(ctx context.Context, tx *sql.Tx, f switchhook.DeliveryFilter, sequences []int64, after switchhook.DeliveryRef) (found []*switchhook.Delivery, err error) {
	standings, err := readStandings(ctx, tx, sequences)
	if err != nil {
		return nil, err
	}
	s := selection{table: "events", key: "seq", columns: "seq, id, type, account_id, key, accepted_at, targets", limit: len(sequences), narrow: true}
	s.where("seq IN (SELECT value FROM json_each(?))", list(sequences))
	text, args := s.query(f.Accounts)
	err = each(ctx, tx, func(scan scan) error {
		var e switchhook.Event
		var accepted int64
		var targets string
		if err := scan(&e.Sequence, &e.ID, &e.Type, &e.AccountID, &e.Key, &accepted, &targets); err != nil {
			return err
		}
		e.AcceptedAt = fromMicros(accepted)
		all := standings.deliveries(e.Sequence, splitTargets(targets))
		if e.Sequence == after.Sequence {
			// The order within an event does not change while deliveries close.
			all = all[1+slices.IndexFunc(all, func(d delivery) bool { return d.webhook == after.WebhookID }):]
		}
		for _, d := range all {
			v := d.view(&e)
			if (f.WebhookID == "" || f.WebhookID == v.WebhookID) && (f.State == "" || f.State == v.State) &&
				(f.Since.IsZero() || accepted >= micros(f.Since)) && (f.Until.IsZero() || accepted < micros(f.Until)) {
				found = append(found, v)
			}
		}
		return nil
	}, text, args...)
	return found, err
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

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
	}, `SELECT seq, webhook_id, attempts, at, held_since FROM due WHERE seq IN (SELECT value FROM json_each(?))`, these)
	return s, err
}

func scanDue(scan scan) (*switchhook.Due, error) {
	var due switchhook.Due
	var at, held int64
	if err := scan(&due.Sequence, &due.WebhookID, &due.Attempts, &at, &held); err != nil {
		return nil, err
	}
	due.At, due.HeldSince = fromMicros(at), fromMicros(held)
	return &due, nil
}

// deliveries calls fn for each delivery of an event, open or closed: first in
// the order of the targets, then those that a replay has added.
func (s *standings) deliveries(sequence int64, targets []string, fn func(webhookID string, open bool, st standing) error) error {
	added := slices.DeleteFunc(slices.Sorted(slices.Values(s.webhooks[sequence])), func(id string) bool {
		return slices.Contains(targets, id)
	})
	for i, webhook := range slices.Concat(targets, added) {
		var st standing
		if p := s.of[switchhook.DeliveryRef{Sequence: sequence, WebhookID: webhook}]; p != nil {
			st = *p
		}
		isTarget := i < len(targets)
		open := st.due != nil || isTarget && sequence > s.watermark && st.closed == nil
		if !open && st.closed == nil {
			continue
		}
		if err := fn(webhook, open, st); err != nil {
			return err
		}
	}
	return nil
}

// deliveryPage is how many events are looked at in one go.
const deliveryPage = 200

// Deliveries lists newest first, by the sequences of the events.
func (d *DB) Deliveries(ctx context.Context, f switchhook.DeliveryFilter, p switchhook.Page) (deliveries []*switchhook.Delivery, next string, err error) {
	below, skip, err := parseDeliveryCursor(p.Cursor)
	if err != nil {
		return nil, "", err
	}
	err = d.view(ctx, func(tx *sql.Tx) error {
		for len(deliveries) <= p.Limit {
			sequences, err := candidates(ctx, tx, f, below)
			if err != nil || len(sequences) == 0 {
				return err
			}
			found, err := expand(ctx, tx, f, sequences)
			if err != nil {
				return err
			}
			deliveries = append(deliveries, skip.after(found)...)
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

// A deliveryCursor is the last delivery of the page before: a page may end in
// the middle of an event's deliveries.
type deliveryCursor struct {
	sequence int64
	webhook  string
}

func parseDeliveryCursor(cursor string) (below int64, c deliveryCursor, err error) {
	if cursor == "" {
		return math.MaxInt64, c, nil
	}
	number, webhook, ok := strings.Cut(cursor, ".")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || !ok {
		return 0, c, errCursor()
	}
	return n + 1, deliveryCursor{n, webhook}, nil
}

// after drops what the page before had of its last event.
func (c deliveryCursor) after(found []*switchhook.Delivery) []*switchhook.Delivery {
	if len(found) == 0 || c.webhook == "" || found[0].Sequence != c.sequence {
		return found
	}
	for i, d := range found {
		if d.Sequence != c.sequence {
			return found[i:] // the webhook's delivery is no longer in this list
		}
		if d.WebhookID == c.webhook {
			return found[i+1:]
		}
	}
	return nil
}

// candidates returns the sequences, newest first and below the given one, of
// the next events that may have a delivery that the filter wants.
func candidates(ctx context.Context, tx *sql.Tx, f switchhook.DeliveryFilter, below int64) ([]int64, error) {
	var sources []selection
	source := func(table string) *selection {
		sources = append(sources, selection{table: table, key: "seq", columns: "DISTINCT seq", limit: deliveryPage})
		s := &sources[len(sources)-1]
		s.where("seq < ?", below)
		return s
	}
	beyondWatermark := func() { source("events").where("seq > (SELECT watermark FROM meta)") }
	ended := f.State != "" && f.State != switchhook.Pending && f.State != switchhook.Delivered
	var accounts []string
	switch {
	case f.EventID != "":
		source("events").where("id = ?", f.EventID)
	case ended:
		s := source("attempts")
		s.where("state = ? AND state IN ('failed', 'expired', 'cancelled')", string(f.State))
		if f.WebhookID != "" {
			s.where("+webhook_id = ?", f.WebhookID)
		}
	case f.State == switchhook.Pending:
		s := source("due")
		if f.WebhookID != "" {
			s.where("webhook_id = ?", f.WebhookID)
		}
		beyondWatermark()
	case f.WebhookID != "":
		source("attempts").where("webhook_id = ?", f.WebhookID)
		source("due").where("webhook_id = ?", f.WebhookID)
		beyondWatermark()
	default:
		source("events")
		accounts = f.Accounts
	}
	var sequences []int64
	for _, s := range sources {
		text, args := s.query(accounts)
		err := each(ctx, tx, func(scan scan) error {
			var n int64
			err := scan(&n)
			sequences = append(sequences, n)
			return err
		}, text, args...)
		if err != nil {
			return nil, err
		}
	}
	// Each source gave its newest: up to the length of a page, their union has
	// no gap.
	slices.SortFunc(sequences, func(a, b int64) int { return cmp.Compare(b, a) })
	sequences = slices.Compact(sequences)
	return sequences[:min(len(sequences), deliveryPage)], nil
}

// expand returns the deliveries of the events that the filter wants, in the
// order of the sequences given.
func expand(ctx context.Context, tx *sql.Tx, f switchhook.DeliveryFilter, sequences []int64) (deliveries []*switchhook.Delivery, err error) {
	all, err := readStandings(ctx, tx, sequences)
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
		return all.deliveries(e.Sequence, splitTargets(targets), func(webhook string, open bool, st standing) error {
			d := st.delivery(&e, webhook, open)
			if (f.WebhookID == "" || f.WebhookID == webhook) && (f.State == "" || f.State == d.State) {
				deliveries = append(deliveries, d)
			}
			return nil
		})
	}, text, args...)
	return deliveries, err
}

func (st standing) delivery(e *switchhook.Event, webhook string, open bool) *switchhook.Delivery {
	d := &switchhook.Delivery{
		ID:         switchhook.DeliveryID(e.AccountID, e.ID, webhook),
		EventID:    e.ID,
		EventType:  e.Type,
		AccountID:  e.AccountID,
		WebhookID:  webhook,
		Key:        e.Key,
		Sequence:   e.Sequence,
		State:      switchhook.Pending,
		Attempts:   st.attempts,
		AcceptedAt: e.AcceptedAt,
	}
	if !open {
		d.State, d.EndedAt = st.closed.state, st.closed.at
		if d.State != switchhook.Delivered {
			d.Reason = st.closed.error
		}
		return d
	}
	if st.due != nil {
		d.NextAttemptAt = st.due.At
		d.Attempts = max(d.Attempts, st.due.Attempts)
	}
	return d
}

package ledger

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/switchhook/switchhook"
)

// Recover calls fn for every delivery that is open without a row: of the events
// beyond the watermark, in order, those targets that are neither due nor closed.
// What is committed meanwhile may or may not be among them.
func (d *DB) Recover(ctx context.Context, fn func(switchhook.OpenDelivery) error) error {
	last, err := d.LastSequence(ctx)
	if err != nil {
		return err
	}
	watermark, err := d.watermark(ctx)
	if err != nil {
		return fmt.Errorf("read the watermark: %w", err)
	}
	known := make(map[switchhook.DeliveryRef]struct{})
	webhooks, err := dueWebhooks(ctx, d.db)
	if err != nil {
		return fmt.Errorf("read what is due: %w", err)
	}
	for _, webhook := range webhooks {
		err := each(ctx, d.db, func(scan scan) error {
			ref := switchhook.DeliveryRef{WebhookID: webhook}
			err := scan(&ref.Sequence)
			known[ref] = struct{}{}
			return err
		}, "SELECT seq FROM due WHERE webhook_id = ? AND seq > ?", webhook, watermark)
		if err != nil {
			return fmt.Errorf("read what is due: %w", err)
		}
	}
	attempts := walk{table: &attemptBlocks, to: math.MaxInt64}
	err = d.walk(ctx, attempts, func(b *block) (bool, error) {
		if b.upto <= watermark {
			return true, nil // and so are those before
		}
		for i, record := range b.records {
			if len(record) == 0 || sequenceOf(record) <= watermark {
				continue
			}
			a, err := decodeAttempt(record, b.first+int64(i), false)
			if err != nil {
				return false, err
			}
			if a.State != switchhook.Pending {
				known[switchhook.DeliveryRef{Sequence: a.Sequence, WebhookID: a.WebhookID}] = struct{}{}
			}
		}
		return false, nil
	})
	if err != nil {
		return fmt.Errorf("read what is closed: %w", err)
	}
	events := walk{table: &eventBlocks, from: watermark + 1, to: last + 1, rising: true}
	return d.walk(ctx, events, func(b *block) (bool, error) {
		for _, record := range b.records {
			if n := sequenceOf(record); n < events.from || n >= events.to {
				continue
			}
			e, err := decodeEvent(record)
			if err != nil {
				return false, err
			}
			e.Data = slices.Clone(e.Data) // lets go of the block
			for _, webhook := range e.Targets {
				if _, ok := known[switchhook.DeliveryRef{Sequence: e.Sequence, WebhookID: webhook}]; ok {
					continue
				}
				if err := fn(switchhook.OpenDelivery{Event: e, WebhookID: webhook}); err != nil {
					return false, err
				}
			}
		}
		return false, nil
	})
}

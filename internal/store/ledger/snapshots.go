package ledger

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/switchhook/switchhook"
)

// Snapshots change with most events, and most of them live for minutes: written
// each time, they would cost more than the events. So what a transaction changes
// of them lies beside its events (event_blocks.snapshots), and goes into the table
// snapshots now and then: of each, the last state, and of a call that has begun
// and ended meanwhile nothing. After a crash, what lies beside the events since
// the last time (meta.snapshots_at) is put into the table first. What has ended is
// remembered for what comes late, and is not worth a row: it is known as long as it
// lies beside the events of the last seconds.
const (
	upsertSnapshot = `INSERT INTO snapshots (account_id, kind, id, root_id, data, updated_at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (account_id, kind, id) DO UPDATE SET root_id = excluded.root_id, data = excluded.data, updated_at = excluded.updated_at`
	deleteSnapshot = `DELETE FROM snapshots WHERE account_id = ? AND kind = ? AND id = ?`
)

// When snapshots are put into the table, and how many in one transaction: few
// enough that the commits which wait behind it do not notice.
const (
	maxUnsaved = 50_000          // sequences
	saveEvery  = 5 * time.Second // at the next commit after it
	saveAtOnce = 500
)

type snapshotKey struct{ account, kind, id string }

func keyOf(s *switchhook.Snapshot) snapshotKey { return snapshotKey{s.AccountID, s.Kind, s.ID} }

func (k snapshotKey) hash() uint64 {
	var room [128]byte
	return xxhash.Sum64(append(append(append(append(append(room[:0], k.account...), 0), k.kind...), 0), k.id...))
}

type snapshotMap = map[snapshotKey]*switchhook.Snapshot

// snapshots are those that changed since they were last put into the table.
type snapshots struct {
	unsaved snapshotMap
	saving  snapshotMap         // on their way there; what of them changes meanwhile is in unsaved
	saved   map[uint64]struct{} // hashes of those in the table, so that what never was there need not be deleted
	upto    int64               // the sequence as of which they are in the table
	next    int64               // and will be once saving is empty
	at      time.Time           // when they were
}

// all are those that are not in the table.
func (s *snapshots) all() snapshotMap {
	all := maps.Clone(s.saving)
	maps.Copy(all, s.unsaved)
	return all
}

// appendLog appends a record of each with its length.
func appendLog(log []byte, changed snapshotMap) []byte {
	var record []byte
	for _, s := range changed {
		record = appendSnapshot(record[:0], s)
		log = append(binary.AppendUvarint(log, uint64(len(record))), record...)
	}
	return log
}

// putSnapshots puts snapshots into the table, in the transaction under way. upto
// is as of when it then has all, or 0.
func (w *writer) putSnapshots(ctx context.Context, changed snapshotMap, upto int64) error {
	for key, s := range changed {
		var err error
		if s.Data != nil && !s.Ended {
			err = w.tx.Put(ctx, upsertSnapshot, key.account, key.kind, key.id, s.RootID, []byte(s.Data), micros(s.UpdatedAt))
		} else if _, saved := w.snapshots.saved[key.hash()]; saved {
			err = w.tx.Put(ctx, deleteSnapshot, key.account, key.kind, key.id)
		}
		if err != nil {
			return fmt.Errorf("write snapshots: %w", err)
		}
	}
	if upto > 0 {
		if err := w.tx.Put(ctx, "UPDATE meta SET snapshots_at = ?", upto); err != nil {
			return fmt.Errorf("write snapshots: %w", err)
		}
	}
	return nil
}

// havePut is called once what putSnapshots wrote is committed.
func (s *snapshots) havePut(changed snapshotMap, upto int64) {
	for key, snap := range changed {
		if snap.Data != nil && !snap.Ended {
			s.saved[key.hash()] = struct{}{}
		} else {
			delete(s.saved, key.hash())
		}
		delete(s.saving, key)
	}
	if upto > 0 {
		s.upto, s.at = upto, time.Now()
	}
}

// forget forgets those of accounts that were deleted meanwhile.
func (s *snapshots) forget(accounts []string) {
	for _, of := range []snapshotMap{s.saving, s.unsaved} {
		maps.DeleteFunc(of, func(key snapshotKey, _ *switchhook.Snapshot) bool { return slices.Contains(accounts, key.account) })
	}
}

// saveDue reports whether there are snapshots to put into the table now.
func (w *writer) saveDue() bool {
	s := &w.snapshots
	if len(s.saving) == 0 && len(s.unsaved) > 0 && (w.lastSequence-s.upto >= maxUnsaved || time.Since(s.at) >= saveEvery) {
		s.saving, s.unsaved, s.next = s.unsaved, make(snapshotMap), w.lastSequence
	}
	return len(s.saving) > 0
}

// saveSome puts up to some of those on their way into the table, in a
// transaction of its own.
func (w *writer) saveSome(ctx context.Context, most int) error {
	s := &w.snapshots
	some, upto := s.saving, s.next
	if len(some) > most {
		some, upto = make(snapshotMap, most), 0
		for key, snap := range s.saving {
			if some[key] = snap; len(some) == most {
				break
			}
		}
	}
	err := w.transact(ctx, func() error { return w.putSnapshots(ctx, some, upto) })
	if err == nil {
		s.havePut(maps.Clone(some), upto)
	}
	return err
}

// saveAll puts all into the table.
func (w *writer) saveAll(ctx context.Context) error {
	s := &w.snapshots
	if s.upto == w.lastSequence {
		return nil
	}
	s.saving, s.unsaved, s.next = s.all(), make(snapshotMap), w.lastSequence
	return w.saveSome(ctx, len(s.saving))
}

// loadSnapshots puts what lies beside the events since the last time into the
// table.
func (w *writer) loadSnapshots(ctx context.Context) error {
	w.snapshots = snapshots{saving: make(snapshotMap), saved: make(map[uint64]struct{}), at: time.Now()}
	err := each(ctx, w.conn, func(scan scan) error {
		var key snapshotKey
		err := scan(&key.account, &key.kind, &key.id)
		w.snapshots.saved[key.hash()] = struct{}{}
		return err
	}, "SELECT account_id, kind, id FROM snapshots")
	if err == nil {
		w.snapshots.unsaved, err = readUnsaved(ctx, w.conn)
	}
	if err == nil {
		err = w.saveAll(ctx)
	}
	if err != nil {
		return fmt.Errorf("read snapshots: %w", err)
	}
	return nil
}

// readUnsaved returns what is not in the table: the last state of each.
func readUnsaved(ctx context.Context, from Reader) (snapshotMap, error) {
	unsaved := make(snapshotMap)
	err := each(ctx, from, func(scan scan) error {
		var log sql.RawBytes
		if err := scan(&log); err != nil {
			return err
		}
		records, err := unpack(log)
		if err != nil {
			return err
		}
		for _, record := range records {
			s, err := decodeSnapshot(record)
			if err != nil {
				return err
			}
			unsaved[keyOf(s)] = s
		}
		return nil
	}, `SELECT snapshots FROM event_blocks
		WHERE first > (SELECT snapshots_at FROM meta) AND snapshots IS NOT NULL ORDER BY first`)
	return unsaved, err
}

// Snapshots calls fn for every kept snapshot.
func (d *DB) Snapshots(ctx context.Context, fn func(switchhook.Snapshot) error) error {
	// A crash may bring back, from beside the events, what was deleted with an account.
	keeps := d.keeping.get()
	deleted := func(account string) bool {
		keep, shorter := keeps[account]
		return shorter && keep == 0
	}
	err := d.db.View(ctx, func(from Reader) error {
		unsaved, err := readUnsaved(ctx, from)
		if err != nil {
			return err
		}
		err = each(ctx, from, func(scan scan) error {
			var s switchhook.Snapshot
			var data []byte
			var updated int64
			if err := scan(&s.AccountID, &s.Kind, &s.ID, &s.RootID, &data, &updated); err != nil {
				return err
			}
			if unsaved[keyOf(&s)] != nil || deleted(s.AccountID) {
				return nil
			}
			s.Data, s.UpdatedAt = data, fromMicros(updated)
			return fn(s)
		}, "SELECT account_id, kind, id, root_id, data, updated_at FROM snapshots")
		if err != nil {
			return err
		}
		for _, s := range unsaved {
			if s.Data == nil || deleted(s.AccountID) {
				continue
			}
			if err := fn(*s); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read snapshots: %w", err)
	}
	return nil
}

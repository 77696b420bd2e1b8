//go:build unix

package sqlite_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/store/sqlite"
)

// A backup that is made while events are accepted has all that was acknowledged before it
// began, and no half of anything.
func TestBackupWhileEventsCome(t *testing.T) {
	t.Parallel()
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "backup.db")
	db := open(t, dir)
	var acknowledged atomic.Int64
	some, stop := make(chan struct{}), make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		done := make(chan error, 1)
		for sequence := int64(1); ; sequence++ {
			select {
			case <-stop:
				return
			default:
			}
			db.Submit(crashCommit(sequence, func(err error) { done <- err }))
			if err := <-done; err != nil {
				t.Error(err)
				return
			}
			if acknowledged.Store(sequence); sequence == 300 {
				close(some)
			}
		}
	})
	<-some
	before := acknowledged.Load()
	s, err := sqlite.Backup(t.Context(), dir, file)
	after := acknowledged.Load()
	close(stop)
	writer.Wait()
	must(t, err)
	must(t, db.Close())
	if s.LastSequence < before || s.LastSequence > after+1 {
		t.Errorf("the backup has %d events; %d were acknowledged before it, %d after", s.LastSequence, before, after)
	}
	again := t.TempDir()
	must(t, os.WriteFile(filepath.Join(again, "master.key"), read(t, filepath.Join(dir, "master.key")), 0o600))
	restored, err := sqlite.Restore(t.Context(), file, again, nil)
	if err != nil || restored != s {
		t.Fatalf("%+v, want %+v, %v", restored, s, err)
	}
	db = open(t, again)
	defer db.Close()
	n, cursor := int64(0), ""
	for {
		events, next, err := db.Events(context.Background(), switchhook.EventFilter{}, switchhook.Page{Limit: 500, Cursor: cursor})
		must(t, err)
		for _, e := range events {
			if want := s.LastSequence - n; e.Sequence != want || e.ID != fmt.Sprint("evt_", want) {
				t.Fatalf("event %d is %s, want %d", e.Sequence, e.ID, want)
			}
			n++
		}
		if cursor = next; next == "" {
			break
		}
	}
	open := int64(0)
	must(t, db.Recover(t.Context(), func(switchhook.OpenDelivery) error { open++; return nil }))
	if n != s.LastSequence {
		t.Errorf("%d events of %d, %d deliveries open", n, s.LastSequence, open)
	}
}

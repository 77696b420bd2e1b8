package storetest

import (
	"fmt"
	"sync"
	"time"

	"github.com/switchhook/switchhook"
)

func stateCases() []testCase {
	return []testCase{
		{"the last snapshot counts, and no data ends it", snapshotsLast},
		{"the last write of a record counts", recordsLast},
		{"rejects are listed by source, newest first", rejectList},
	}
}

func snapshotsLast(of trial) {
	t, s := of.t, of.s
	snap := func(kind, id, data string) switchhook.Snapshot {
		v := switchhook.Snapshot{AccountID: "a", Kind: kind, ID: id, RootID: "root", UpdatedAt: base()}
		if data != "" {
			v.Data = []byte(data)
		}
		return v
	}
	other := snap("call", "1", `{"other":true}`)
	other.AccountID = "b"
	commit(t, s, switchhook.Commit{Snapshots: []switchhook.Snapshot{
		snap("call", "1", `{"n":1}`), snap("call", "2", `{}`), snap("agent", "1", `{}`), other,
		snap("call", "1", `{"n":2}`), // again, in the same commit
		snap("call", "3", `{}`), snap("call", "3", ""),
	}})
	commit(t, s, switchhook.Commit{}) // of nothing
	belief := switchhook.Snapshot{Kind: switchhook.KindBelief, ID: "pbx/leg/1769.1", Data: []byte(`[1]`), UpdatedAt: base()}
	gone := belief
	gone.ID, gone.Data = "pbx/leg/1769.2", nil
	commit(t, s, switchhook.Commit{Lazy: true, Snapshots: []switchhook.Snapshot{
		snap("call", "2", ""), snap("agent", "1", `{"b":1,  "a":2}`), snap("call", "unknown", ""), belief, gone,
	}})
	wantEqual(t, "snapshots", snapshots(t, s), map[string]switchhook.Snapshot{
		"a call 1":               snap("call", "1", `{"n":2}`),
		"a agent 1":              snap("agent", "1", `{"b":1,  "a":2}`),
		"b call 1":               other,
		" source pbx/leg/1769.1": belief,
	})
}

func recordsLast(of trial) {
	t, s := of.t, of.s
	write := func(account, schema, id, row string) switchhook.RecordWrite {
		return switchhook.RecordWrite{
			Record: switchhook.Record{
				Schema: schema, ID: id, AccountID: account, Row: []byte(row), CreatedAt: base(), UpdatedAt: base().Add(time.Second),
			},
			Delete: row == "",
		}
	}
	commit(t, s, switchhook.Commit{Records: []switchhook.RecordWrite{
		write("a", "numbers", "1", `{"z":1,"a":2}`), write("b", "numbers", "1", `{}`), write("a", "queues", "1", `{}`),
	}})
	commit(t, s, switchhook.Commit{Records: []switchhook.RecordWrite{
		write("a", "numbers", "1", `{"z":3,"a":2}`), write("a", "queues", "1", ""), write("a", "queues", "none", ""),
	}})
	wantEqual(t, "records", records(t, s), map[string]switchhook.Record{
		"a numbers 1": write("a", "numbers", "1", `{"z":3,"a":2}`).Record,
		"b numbers 1": write("b", "numbers", "1", `{}`).Record,
	})
}

func rejectList(of trial) {
	t, s := of.t, of.s
	ctx := t.Context()
	var want []*switchhook.Reject
	for n := range 5 {
		r := &switchhook.Reject{
			SourceID: "src", At: base(), Reason: "not JSON", Method: "POST", URL: "/v1/in/src",
			Fields:  []switchhook.FieldError{{Field: "data", Message: "is missing"}},
			Headers: map[string]string{"n": fmt.Sprint(n)}, Body: "\x00\xff<&>",
		}
		commit(t, s, switchhook.Commit{Rejects: []*switchhook.Reject{r, {SourceID: "other", At: base()}}})
		if r.ID == 0 {
			t.Error("the reject has got no id")
		}
		want = append([]*switchhook.Reject{r}, want...)
	}
	for _, limit := range []int{1, 2, 5, 10} {
		got := pages(t, limit, func(p switchhook.Page) ([]*switchhook.Reject, string, error) { return s.Rejects(ctx, "src", p) })
		wantEqual(t, fmt.Sprintf("by %d", limit), got, want)
	}
}

func concurrencyCases() []testCase {
	return []testCase{
		{"readers see whole commits", readersSeeWhole},
		{"everything at once", everythingAtOnce},
	}
}

// readersSeeWhole: each commit is an event that is delivered to two webhooks;
// no reader finds it half delivered.
func readersSeeWhole(of trial) {
	t, s := of.t, of.s
	const last = 150
	var group sync.WaitGroup
	stop := make(chan struct{})
	for range 3 {
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				found, _, err := s.Deliveries(t.Context(), switchhook.DeliveryFilter{}, switchhook.Page{Limit: 100})
				if err != nil {
					t.Error(err)
					return
				}
				for _, d := range found {
					if d.State != switchhook.Delivered {
						t.Errorf("delivery of %d to %s is %s", d.Sequence, d.WebhookID, d.State)
						return
					}
				}
				if len(found)%2 != 0 {
					t.Errorf("%d deliveries", len(found))
				}
			}
		})
	}
	for n := int64(1); n <= last; n++ {
		e := event(n, "wh_1", "wh_2")
		commit(t, s, switchhook.Commit{Events: []*switchhook.Event{e}, Attempts: []*switchhook.Attempt{
			attempt(e, "wh_1", switchhook.Delivered), attempt(e, "wh_2", switchhook.Delivered),
		}})
	}
	close(stop)
	group.Wait()
}

// everythingAtOnce is for the race detector.
func everythingAtOnce(of trial) {
	t, s := of.t, of.s
	const workers, each = 4, 25
	ctx := t.Context()
	var done, group sync.WaitGroup
	var mu sync.Mutex // sequences are submitted in their order
	var last int64
	for range workers {
		group.Go(func() {
			for range each {
				done.Add(1)
				mu.Lock()
				last++
				c := full(last)
				c.Done = func(err error) {
					if err != nil {
						t.Error(err)
					}
					done.Done()
				}
				s.Submit(&c)
				id := fmt.Sprint(last)
				mu.Unlock()
				for _, err := range []error{
					s.CreateAccount(ctx, &switchhook.Account{ID: id}),
					s.CreateWebhook(ctx, webhook(id)),
					s.UpdateWebhook(ctx, webhook(id)),
					s.PutAPIKey(ctx, &switchhook.APIKey{ID: id}),
					s.Ping(ctx),
					s.Recover(ctx, func(switchhook.OpenDelivery) error { return nil }),
					s.Backlogs(ctx, func(string, int) error { return nil }),
					s.Lanes(ctx, "wh_2", func(uint64) error { return nil }),
					s.Snapshots(ctx, func(switchhook.Snapshot) error { return nil }),
				} {
					if err != nil {
						t.Error(err)
					}
				}
				if _, _, err := s.Events(ctx, switchhook.EventFilter{}, switchhook.Page{Limit: 5}); err != nil {
					t.Error(err)
				}
				if _, err := s.Known(ctx, "a", []string{id}); err != nil {
					t.Error(err)
				}
				if _, err := s.Due(ctx, "wh_2", 0, 5); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	done.Wait()
	const n = workers * each
	wantEqual(t, "in the end", count(t, s), counts{n, n, n, n, n, n, n, n})
	wantEqual(t, "webhooks", len(must(s.Webhooks(ctx))(t)), n)
}

package calls_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/calls"
	"github.com/switchhook/switchhook/internal/ordjson"
)

// fold folds one event of a call with these members.
func foldCall(t *testing.T, f *calls.Folder, typ, members string) string {
	t.Helper()
	data, err := ordjson.Parse([]byte(`{"call":{` + members + `}}`))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	if _, err := f.Fold(&switchhook.Event{Type: typ, AccountID: "acme", OccurredAt: at}, &data, at); err != nil {
		t.Fatal(err)
	}
	return string(data.Get("call"))
}

// An event of very many members takes no longer than it has to: all others wait for it.
func TestManyMembers(t *testing.T) {
	t.Parallel()
	many := func(value string) string {
		var b strings.Builder
		for i := range 60_000 {
			fmt.Fprintf(&b, `,"k%d":%s`, i, value)
		}
		return b.String()
	}
	f, start := calls.New(), time.Now()
	for _, value := range []string{"1", "2", "null"} {
		whole := foldCall(t, f, "call.updated", `"id":"c"`+many(value))
		if has := strings.Contains(whole, `"k59999":`+value); has != (value != "null") {
			t.Errorf("k59999, given as %s, is in the whole: %t", value, has)
		}
	}
	if took := time.Since(start); took > 10*time.Second { // it took 25 s of each
		t.Errorf("it takes %s", took)
	}
}

// What is remembered of a call does not grow with what is told of it, or a few bytes would
// make a large event.
func TestLongSnapshots(t *testing.T) {
	t.Parallel()
	f := calls.New()
	long := strings.Repeat("a", 100_000)
	whole := foldCall(t, f, "call.created", `"id":"c","from":{"number":"+15550100"},"extra":"`+long+`","tag":"x"`)
	if !strings.Contains(whole, long) {
		t.Error("the event itself is not whole")
	}
	for i := range 500 {
		foldCall(t, f, "call.updated", fmt.Sprintf(`"id":"c","k%d":"%s"`, i, long[:1000]))
	}
	whole = foldCall(t, f, "call.updated", `"id":"c"`)
	if len(whole) > 70_000 {
		t.Errorf("an event that says nothing has %d bytes", len(whole))
	}
	if !strings.Contains(whole, "+15550100") || !strings.Contains(whole, `"tag":"x"`) {
		t.Errorf("what is short is forgotten: %.300s", whole)
	}
}

// Calls that go on without their first leg are kept, however many there are, and looking
// after them holds nobody up.
func TestManyTransfers(t *testing.T) {
	t.Parallel()
	f, start := calls.New(), time.Now()
	const many = 6000
	for i := range many {
		foldCall(t, f, "call.created", fmt.Sprintf(`"id":"c%d","root_id":"c%d","tag":"x"`, i, i))
		foldCall(t, f, "leg.created", fmt.Sprintf(`"id":"d%d","root_id":"c%d"`, i, i))
		foldCall(t, f, "leg.hungup", fmt.Sprintf(`"id":"c%d","root_id":"c%d"`, i, i))
	}
	if took := time.Since(start); took > 20*time.Second { // it took minutes
		t.Errorf("it takes %s", took)
	}
	if f.Len() != 2*many {
		t.Errorf("%d legs are known, expected %d", f.Len(), 2*many)
	}
	if whole := foldCall(t, f, "call.hungup", `"id":"c0","root_id":"c0"`); !strings.Contains(whole, `"tag":"x"`) {
		t.Errorf("a first leg is forgotten while its call goes on: %s", whole)
	}
	for i := range many { // now they end, and only so many are remembered
		foldCall(t, f, "leg.hungup", fmt.Sprintf(`"id":"d%d","root_id":"c%d"`, i, i))
	}
	if f.Len() > 4001 {
		t.Errorf("%d legs are known after all have ended", f.Len())
	}
}

package source_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/switchhook/switchhook/internal/source"
)

// Whatever is pushed and popped, of whatever length, a queue is a list: what comes out is
// what went in, in order, and only the bound of the disk refuses.
func TestQueueIsAList(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		const disk = 4000
		q := source.NewBoundedQueue(dir, 500, disk, 200, 600)
		defer q.Drop()
		var model []source.Item
		var popped []source.Item
		n := 0
		at := time.Date(2026, 1, 31, 15, 4, 5, 123456789, time.UTC)
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				n++
				at = at.Add(time.Duration(rapid.IntRange(0, 1e9).Draw(t, "later")))
				message := fmt.Appendf(nil, "%d %s", n, strings.Repeat("x", rapid.IntRange(0, 300).Draw(t, "length")))
				waiting := 0
				for _, item := range model {
					waiting += len(item.Message) + 12 // and the length and the time
				}
				switch err := q.Push(message, at); {
				case err == nil:
					model = append(model, source.Item{Message: bytes.Clone(message), At: at})
				case !errors.Is(err, source.ErrQueueFull) || waiting+len(message) < disk:
					t.Fatalf("with %d bytes waiting: %v", waiting, err)
				}
				clear(message) // the queue has its own
			},
			"pop": func(t *rapid.T) {
				if len(model) == 0 {
					t.Skip("it would wait")
				}
				most := rapid.IntRange(1, 20).Draw(t, "most")
				items, err := q.Pop(context.Background(), most)
				if err != nil || len(items) == 0 || len(items) > most {
					t.Fatalf("popped %d of %d: %v", len(items), most, err)
				}
				for i, item := range items {
					if want := model[i]; !bytes.Equal(item.Message, want.Message) || !item.At.Equal(want.At) {
						t.Fatalf("got %q of %v, want %q of %v", item.Message, item.At, want.Message, want.At)
					}
				}
				model, popped = model[len(items):], items
			},
			"": func(t *rapid.T) {
				if got := q.Len(); got != len(model)+len(popped) {
					t.Fatalf("%d wait, want %d and the %d that were popped", got, len(model), len(popped))
				}
				var oldest time.Time
				if all := append(slices.Clip(popped), model...); len(all) > 0 {
					oldest = all[0].At
				}
				if got := q.Oldest(); !got.Equal(oldest) {
					t.Fatalf("the oldest is of %v, want %v", got, oldest)
				}
			},
		})
	})
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// One goroutine pushes as fast as it can, the other takes what is there and is slower.
func TestQueueBetweenGoroutines(t *testing.T) {
	t.Parallel()
	q := source.NewBoundedQueue(t.TempDir(), 2000, 1<<30, 1000, 10_000)
	const all = 20_000
	pushed := make(chan error, 1)
	go func() {
		defer q.Close()
		for n := range all {
			if err := q.Push(fmt.Appendf(nil, "message %d", n), time.Unix(int64(n), 0)); err != nil {
				pushed <- err
				return
			}
		}
		pushed <- nil
	}()
	n := 0
	for {
		items, err := q.Pop(t.Context(), 7)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range items {
			if want := fmt.Sprintf("message %d", n); string(item.Message) != want || !item.At.Equal(time.Unix(int64(n), 0)) {
				t.Fatalf("got %q of %v, want %q", item.Message, item.At, want)
			}
			n++
		}
	}
	if err := <-pushed; err != nil || n != all {
		t.Errorf("%d of %d came out: %v", n, all, err)
	}
	if err := q.Push([]byte("x"), time.Now()); !errors.Is(err, source.ErrQueueClosed) {
		t.Errorf("a closed queue says %v", err)
	}
}

// Where the disk takes nothing, Push says so, and what was taken before still comes out.
func TestQueueWithoutADisk(t *testing.T) {
	t.Parallel()
	q := source.NewBoundedQueue(filepath.Join(t.TempDir(), "gone"), 200, 1<<20, 100, 1000)
	taken := 0
	var err error
	for ; taken < 100 && err == nil; taken++ {
		err = q.Push(fmt.Appendf(nil, "message %d", taken), time.Now())
	}
	taken-- // the last one was refused
	if !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("after %d: %v", taken, err)
	}
	q.Close()
	n := 0
	for {
		items, err := q.Pop(t.Context(), 10)
		if err != nil {
			break
		}
		n += len(items)
	}
	if n != taken {
		t.Errorf("%d came out, %d went in", n, taken)
	}
}

// Who waits for a message stops when asked to.
func TestQueuePopEnds(t *testing.T) {
	t.Parallel()
	var q source.Queue
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := q.Pop(ctx, 1)
		ended <- err
	}()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if !q.Oldest().IsZero() || q.Len() != 0 {
		t.Errorf("%d wait, the oldest of %v", q.Len(), q.Oldest())
	}
}

// BenchmarkQueue measures a message's way in and out, with all of them waiting meanwhile.
func BenchmarkQueue(b *testing.B) {
	message := bytes.Repeat([]byte("x"), 500)
	for name, memory := range map[string]int64{"memory": 1 << 40, "disk": 1} {
		b.Run(name, func(b *testing.B) {
			q := source.NewBoundedQueue(b.TempDir(), memory, 1<<40, 64<<10, 16<<20)
			defer q.Drop()
			b.ReportAllocs()
			for range b.N {
				if err := q.Push(message, time.Now()); err != nil {
					b.Fatal(err)
				}
			}
			q.Close()
			for {
				if _, err := q.Pop(b.Context(), 500); err != nil {
					break
				}
			}
		})
	}
}

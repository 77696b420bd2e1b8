package api

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/internal/mail"
)

// Pages of previews are there for a while, and never many.
func TestMailPages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p mailPages
		there := func(path string) bool {
			_, ok := p.find(strings.TrimPrefix(path, previewPath))
			return ok
		}
		first := p.keep("first", nil)
		time.Sleep(pagesFor - time.Second)
		second := p.keep("second", []string{"https://portal.example.com"})
		if !there(first) || !there(second) || first == second {
			t.Error("they are not there")
		}
		time.Sleep(time.Second)
		if there(first) || !there(second) {
			t.Error("the first one ought to be gone, the second not")
		}
		for range mostPages {
			p.keep("x", nil)
		}
		if there(second) || len(p.pages) != mostPages || len(p.order) != mostPages || p.size != mostPages {
			t.Errorf("%d pages of %d bytes", len(p.pages), p.size)
		}
		large := p.keep(strings.Repeat("x", pagesSize), nil)
		if !there(large) || len(p.pages) != 1 || p.size != pagesSize {
			t.Errorf("%d pages of %d bytes", len(p.pages), p.size)
		}
		p.keep("", nil)
		if !there(large) || len(p.pages) != 2 {
			t.Errorf("%d pages of %d bytes", len(p.pages), p.size)
		}
	})
}

// What the server said of each recipient is read out of one line, whatever it said.
func TestRefused(t *testing.T) {
	t.Parallel()
	got := refusedOf(`a@example.com: 550 5.1.1 no; b: 550 is not, "x y"@example.com: x; "o d d"@example.com: 451 later; ü@bücher.example: 550`)
	want := []refusedMail{
		{"a@example.com", `550 5.1.1 no; b: 550 is not, "x y"@example.com: x`},
		{`"o d d"@example.com`, "451 later"},
		{"ü@bücher.example", "550"},
	}
	if len(got) != len(want) {
		t.Fatalf("%q", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%q, want %q", got[i], want[i])
		}
	}
	if list := refusedOf(""); list == nil || len(list) > 0 {
		t.Errorf("of nothing: %v", list)
	}
}

func TestPageOfAMailWithoutHTML(t *testing.T) {
	t.Parallel()
	page := pageOfMail(&mail.Message{Text: "<script>alert(1)</script>"}, "")
	if strings.Contains(page, "<script>") || !strings.Contains(page, "&lt;script&gt;") {
		t.Error(page)
	}
}

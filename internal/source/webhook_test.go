package source_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
)

func TestKeep(t *testing.T) {
	t.Parallel()
	const mebibyte = 1 << 20
	for _, c := range []struct {
		name, contentType, body string
		want                    *switchhook.Original
	}{
		{"JSON", "", " {\"a\":1}\n", &switchhook.Original{System: "teli", Name: "n", Format: "json", Body: `{"a":1}`}},
		{"JSON that is no object", "application/json", "7", &switchhook.Original{System: "teli", Name: "n", Format: "json", Body: "7"}},
		{"a form", "application/x-www-form-urlencoded", "a=1\r\n", &switchhook.Original{System: "teli", Name: "n", Format: "form", Body: "a=1"}},
		{"a text", "text/plain", " a\n", &switchhook.Original{System: "teli", Name: "n", Format: "text", Body: " a\n"}},
		{"as much as may be", "", strings.Repeat("x", mebibyte), &switchhook.Original{System: "teli", Name: "n", Format: "form", Body: strings.Repeat("x", mebibyte)}},
		{"nothing", "", " \n", nil},
		{"no UTF-8", "", "a=\xff", nil},
	} {
		ev := &switchhook.Event{}
		r := &source.Request{Method: http.MethodPost, ContentType: c.contentType, Body: []byte(c.body)}
		if err := r.Keep(ev, "teli", "n"); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if diff := cmp.Diff(c.want, ev.Original); diff != "" {
			t.Errorf("%s: wanted (-), got (+):\n%s", c.name, diff)
		}
	}
	ev := &switchhook.Event{}
	r := &source.Request{Body: []byte(strings.Repeat("x", mebibyte+1))}
	if err := r.Keep(ev, "teli", ""); switchhook.ErrorCode(err) != switchhook.CodeTooLarge || ev.Original != nil {
		t.Errorf("too much: %v, %v", err, ev.Original)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	var errs source.Errors
	if err := errs.Err(); err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		errs.Add("f"+strconv.Itoa(i), "first")
		errs.Add("f"+strconv.Itoa(i), "second")
	}
	e, ok := errs.Err().(*switchhook.Error) //nolint:errorlint // it is made here
	if !ok || e.Code != switchhook.CodeInvalid || e.Message != "f0: first" || len(e.Fields) != 20 || e.Fields[19].Field != "f19" || !errs.Has("f19") || errs.Has("f20") {
		t.Errorf("got %+v", e)
	}
}

// Ids are known for days, through a new version too.
func TestEventID(t *testing.T) {
	t.Parallel()
	if got := source.EventID("teli", "a", "b"); got != source.EventID("teli", "a\x00b") || got != "teli:59b271ae1bbcb1d31d41929817f4b16f" {
		t.Errorf("got %s", got)
	}
}

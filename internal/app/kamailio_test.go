package app_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/app"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/kamailio"
)

// What a Kamailio posted of one call, posted to the whole program: the answer comes when it
// is kept, and the same again is known.
func TestKamailio(t *testing.T) {
	t.Parallel()
	recorded, err := os.ReadFile("../source/kamailio/testdata/answered.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	const token = "a-token-for-the-tests"
	c := app.Config{Data: t.TempDir(), Sources: []switchhook.Source{
		{ID: "kam", Kind: "kamailio", AccountID: "root", Token: token},
		{ID: "other", Kind: "teli", AccountID: "root", Token: token},
	}}
	run(t, c, func(p *process) {
		for body := range bytes.Lines(recorded) {
			for range 2 {
				p.until("/v1/sources/kam", func(map[string]any) bool { // as Kamailio does
					return p.post("/v1/in/kam/"+token, string(body)) == http.StatusAccepted
				})
			}
		}
		s := p.call("GET", "/v1/sources/kam", "")
		if s["state"] != "connected" || s["system"] != "Kamailio 5.6.3" || s["ingest_url"] != p.app.URL()+"/v1/in/kam/"+token {
			t.Errorf("%v", s)
		}
		ended, _ := p.call("GET", "/v1/events?type=call.hungup", "")["items"].([]any)
		began, _ := p.call("GET", "/v1/events?type=call.created", "")["items"].([]any)
		if len(ended) != 1 || len(began) != 1 {
			t.Errorf("%d begun, %d ended: %v", len(began), len(ended), p.types())
		}
		file := filepath.Join(t.TempDir(), "kamailio.cfg")
		for token, want := range map[string]source.Level{token: source.OK, "another-token": source.Missing} {
			if err := os.WriteFile(file, []byte(`#!define SWITCHHOOK_URL "`+p.app.URL()+"/v1/in/kam/"+token+`"`), 0o600); err != nil {
				t.Fatal(err)
			}
			found, err := kamailio.Diagnose(t.Context(), file)
			if i := slices.IndexFunc(found, func(f source.Finding) bool { return f.About == "address" }); err != nil || i < 0 || found[i].Level != want {
				t.Errorf("doctor: %+v, %v", found, err)
			}
		}
		for path, want := range map[string]int{
			"/v1/in/kam/another-token-for-it": http.StatusNotFound,
			"/v1/in/nobody/" + token:          http.StatusNotFound,
			"/v1/in/other/" + token:           http.StatusUnprocessableEntity, // it is there, and translates
		} {
			if got := p.post(path, `{}`); got != want {
				t.Errorf("%s: %d, want %d", path, got, want)
			}
		}
	})
}

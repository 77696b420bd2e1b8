package sim_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/switchhook/switchhook/internal/sim"
)

func TestZZGold(t *testing.T) {
	for _, d := range []string{"switchhook", "kazoo", "voipbin", "teli", "primevox"} {
		files, _ := filepath.Glob("../dialect/" + d + "/testdata/*.txtar")
		ok, bad, gaps := 0, 0, 0
		for _, f := range files {
			ar, err := txtar.ParseFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range ar.Files {
				if p.Name != "request" {
					continue
				}
				s := strings.TrimSuffix(string(p.Data), "\n")
				if s == "nothing" {
					continue
				}
				head, body, _ := strings.Cut(s, "\n\n")
				lines := strings.Split(head, "\n")
				m, u, _ := strings.Cut(lines[0], " ")
				req := httptest.NewRequest(m, u, nil)
				req.Header = http.Header{}
				for _, l := range lines[1:] {
					k, v, _ := strings.Cut(l, ": ")
					req.Header.Set(k, v)
				}
				pl, err := sim.Parse(d, req, []byte(body))
				if err != nil {
					bad++
					t.Logf("%s %s: %v", d, filepath.Base(f), err)
				} else if len(pl.Gaps) > 0 {
					gaps++
					t.Logf("%s %s GAPS: %v", d, filepath.Base(f), pl.Gaps)
				} else {
					ok++
				}
			}
		}
		t.Logf("%s: %d ok %d bad %d gaps", d, ok, bad, gaps)
	}
	_ = os.Args
}

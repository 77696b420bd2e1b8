package cli

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/internal/copying"
)

func TestCopyProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var plain, terminal strings.Builder
		lines, line := &copyProgress{out: &plain}, &copyProgress{out: &terminal, terminal: true}
		show := func(p copying.Progress) {
			lines.show(p)
			line.show(p)
		}
		show(copying.Progress{Step: copying.Counting, Table: "due"})
		// A second for a megabyte, of which there are 20; 5 were there before.
		for mb := int64(5); mb <= 13; mb++ {
			show(copying.Progress{Step: copying.Copying, Table: "due", Rows: mb * 10, OfRows: 200, Bytes: mb * 1e6, OfBytes: 20e6, AllBytes: mb * 1e6, OfAllBytes: 20e6})
			time.Sleep(time.Second)
		}
		lines.end()
		line.end()
		want := `counting due
copying due: 50 of 200 rows, 5.0 of 20.0 MB; 5.0 of 20.0 MB of all
copying due: 100 of 200 rows, 10.0 of 20.0 MB; 10.0 of 20.0 MB of all, about 10s to go
`
		if plain.String() != want {
			t.Errorf("without a terminal:\n%s", &plain)
		}
		last := "\r\x1b[Kcopying due: 130 of 200 rows, 13.0 of 20.0 MB; 13.0 of 20.0 MB of all, about 7s to go\r\x1b[K"
		if text := terminal.String(); strings.Contains(text, "\n") || strings.Count(text, "\r") != 11 || !strings.HasSuffix(text, last) {
			t.Errorf("on a terminal: %q", text)
		}
	})
}

func TestCopySaysWhatIsLeft(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		report copying.Report
		want   []string
	}{
		{copying.Report{Dir: "/d", MasterKey: true, AdminKey: true}, []string{"copy /d/master.key into", "copy /d/admin.key there too"}},
		{copying.Report{Dir: "/d", Resumed: true}, []string{"went on where", "set SWITCHHOOK_MASTER_KEY to the same key", "set SWITCHHOOK_ADMIN_KEY as before"}},
		{copying.Report{Dir: "/d", Anew: true}, []string{"/d was served since then"}},
	} {
		c.report.Copying = time.Second
		var b strings.Builder
		if err := writeCopied(&b, &c.report); err != nil {
			t.Fatal(err)
		}
		for _, want := range c.want {
			if !strings.Contains(strings.ReplaceAll(b.String(), `\`, "/"), want) {
				t.Errorf("the report does not say %q:\n%s", want, &b)
			}
		}
	}
}

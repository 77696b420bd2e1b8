package post_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/mail"
	"github.com/switchhook/switchhook/internal/mail/post"
	"github.com/switchhook/switchhook/internal/sim"
)

func attachment(url, name string) []mail.Attachment {
	return []mail.Attachment{{Name: name, URL: url}}
}

// shelf serves files, some of them not.
func shelf(t *testing.T) string {
	t.Helper()
	stop := make(chan struct{})
	var tries atomic.Int32
	mux := http.NewServeMux()
	status := func(s int) http.HandlerFunc { return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(s) } }
	mux.HandleFunc("/vm.mp3", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "audio/mpeg")
		_, _ = w.Write([]byte("ID3 sound"))
	})
	mux.HandleFunc("/page", func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		_, _ = w.Write([]byte("%PDF-1.4"))
	})
	mux.HandleFunc("/mail", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "message/rfc822")
		_, _ = w.Write([]byte("From: a"))
	})
	mux.Handle("/moved", http.RedirectHandler("/vm.mp3", http.StatusFound))
	mux.Handle("/inside", http.RedirectHandler("http://169.254.169.254/latest", http.StatusFound))
	mux.Handle("/loop", http.RedirectHandler("/loop", http.StatusFound))
	mux.Handle("/elsewhere", http.RedirectHandler("file:///etc/passwd", http.StatusFound))
	for path, s := range map[string]int{"/404": 404, "/410": 410, "/403": 403, "/500": 500, "/429": 429} {
		mux.HandleFunc(path, status(s))
	}
	mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 2000)) })
	mux.HandleFunc("/endless", func(w http.ResponseWriter, _ *http.Request) {
		for range 100 {
			_, _ = w.Write(make([]byte, 1000))
			_ = http.NewResponseController(w).Flush()
		}
	})
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-stop:
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte("half"))
	})
	mux.HandleFunc("/second", func(w http.ResponseWriter, _ *http.Request) {
		if tries.Add(1) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("now"))
	})
	s := httptest.NewServer(mux)
	t.Cleanup(func() { close(stop); s.Close() })
	return s.URL
}

func TestAttachments(t *testing.T) {
	t.Parallel()
	at := shelf(t)
	box := mailbox(t, sim.MailboxOptions{})
	o := office(t, box.URL(), func(o *post.Options) { o.MaxAttachments = 1000 })
	get := func(t *testing.T, a mail.Attachment, networks string) (*sim.Mail, string, error) {
		t.Helper()
		before := box.Count()
		m := message("a@example.net")
		m.Attachments = []mail.Attachment{a}
		r := request(t, m)
		r.Way.Networks = networks
		if strings.HasSuffix(a.URL, "/slow") {
			r.Deadline = time.Now().Add(300 * time.Millisecond)
		}
		answer, err := o.Send(t.Context(), r)
		if err != nil {
			return nil, "", err
		}
		if box.Count() != before+1 {
			t.Fatalf("%d mails came", box.Count()-before)
		}
		got := box.Messages()[before]
		if got.Problem != "" {
			t.Fatalf("%s\n%s", got.Problem, got.Data)
		}
		return got, answer.Headers.Get("omitted"), nil
	}

	for _, each := range []struct{ name, kind, path, wantName, wantType, want string }{
		{"Voice mail.mp3", "", "/vm.mp3", "Voice mail.mp3", "audio/mpeg", "ID3 sound"},
		{"", "audio/x-wav", "/vm.mp3", "vm.mp3", "audio/x-wav", "ID3 sound"},
		{"../../etc/passwd\r\nX-Evil: 1", "no type", "/moved", "_.._etc_passwd__X-Evil_ 1", "audio/mpeg", "ID3 sound"},
		{"\u202efdp.exe", "", "/page", "_fdp.exe", "application/pdf", "%PDF-1.4"},
		{strings.Repeat("ü", 200) + ".pdf", "", "/page", strings.Repeat("ü", 58) + ".pdf", "application/pdf", "%PDF-1.4"},
		{"m.eml", "", "/mail", "m.eml", "application/octet-stream", "From: a"},
		{"", "", "data:audio/mpeg;base64,SUQzIHNvdW5k", "attachment-1.mp3", "audio/mpeg", "ID3 sound"},
		{"x", "text/plain; charset=iso-8859-1", "data:;base64,SUQzIHNvdW5k", "x", "text/plain", "ID3 sound"},
		{"x", "multipart/mixed", "DATA:,a%20b", "x", "application/octet-stream", "a b"},
	} {
		url := each.path
		if strings.HasPrefix(url, "/") {
			url = at + url
		}
		got, omitted, err := get(t, mail.Attachment{Name: each.name, Type: each.kind, URL: url}, "127.0.0.0/8")
		if err != nil || omitted != "" || len(got.Parts) != 3 {
			t.Errorf("%s: %v, omitted %q", each.path, err, omitted)
			continue
		}
		if p := got.Parts[2]; p.Name != each.wantName || p.Type != each.wantType || string(p.Data) != each.want || p.Disposition != "attachment" {
			t.Errorf("%s: got %+v", each.path, p)
		}
	}

	for path, why := range map[string]string{
		"/404": "its server answered 404", "/410": "its server answered 410", "/403": "its server answered 403",
		"/large": "it is larger than what a mail may carry", "/endless": "it is larger than what a mail may carry",
		"/inside": "its address is a private one", "/loop": "it is redirected too often", "/elsewhere": "it is redirected to something that is no address of http or https",
	} {
		got, omitted, err := get(t, mail.Attachment{Name: "vm.mp3", URL: at + path}, "127.0.0.0/8")
		if err != nil || !strings.Contains(omitted, "vm.mp3: "+why) {
			t.Errorf("%s: %v, omitted %q", path, err, omitted)
			continue
		}
		if text := got.Text("text/plain"); len(got.Parts) != 2 || !strings.Contains(text, "The attachment vm.mp3 is not part of this mail: "+why) || !strings.Contains(text, at+path) {
			t.Errorf("%s: %d parts, %q", path, len(got.Parts), text)
		}
		if page := got.Text("text/html"); !strings.Contains(page, `<a href="`+at+path+`">`) {
			t.Errorf("%s: %q", path, page)
		}
	}
	for _, url := range []string{"ftp://example.net/a", "data:nothing", "data:;base64,%%%", "data:;base64,!", "a.mp3", "data:," + strings.Repeat("x", 1001), at + "/vm.mp3"} {
		got, omitted, err := get(t, mail.Attachment{Name: "vm.mp3", URL: url}, "")
		if err != nil || omitted == "" || len(got.Parts) != 2 {
			t.Errorf("%s: %v, omitted %q", url, err, omitted)
		}
	}
	u := strings.Replace(at, "http://", "http://ann:secret@", 1) + "/404?token=1"
	if got, _, err := get(t, mail.Attachment{Name: "<b>", URL: u}, "127.0.0.1/32"); err != nil || strings.Contains(string(got.Data), "secret") || !strings.Contains(got.Text("text/html"), "token=1") {
		t.Errorf("%v\n%s", err, got.Data)
	}

	for path, words := range map[string]string{
		"/500": "the attachment vm.mp3 could not be fetched: its server answered 500", "/429": "its server answered 429",
		"/slow": "it took too long", "/broken": "unexpected EOF",
	} {
		if _, _, err := get(t, mail.Attachment{Name: "vm.mp3", URL: at + path}, "127.0.0.0/8"); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, _, err := get(t, mail.Attachment{Name: "vm.mp3", URL: "http://127.0.0.1:1/"}, "127.0.0.0/8"); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Error(err)
	}
	if _, _, err := get(t, mail.Attachment{URL: at + "/second"}, "127.0.0.0/8"); err == nil {
		t.Error("it was there at once")
	}
	if got, _, err := get(t, mail.Attachment{URL: at + "/second"}, "127.0.0.0/8"); err != nil || string(got.Parts[2].Data) != "now" {
		t.Error(err)
	}
}

// Better a mail without its file than none at all, in the end.
func TestAttachmentsThatNeverCome(t *testing.T) {
	t.Parallel()
	box := mailbox(t, sim.MailboxOptions{})
	attempts := 3
	o := office(t, box.URL(), func(o *post.Options) {
		o.Networks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		o.Past = func(context.Context, string, string, string) (post.Past, error) {
			return post.Past{Attempts: attempts}, nil
		}
	})
	m := message("a@example.net")
	m.Attachments = attachment("http://127.0.0.1:1/vm.mp3", "vm.mp3")
	sendFails(t, o, m, "connection refused")
	attempts = 4
	if a := send(t, o, m); !strings.Contains(a.Headers.Get("omitted"), "vm.mp3: it could not be fetched, though it was tried 5 times") {
		t.Errorf("omitted: %q", a.Headers.Get("omitted"))
	}
	if text := only(t, box).Text("text/plain"); !strings.Contains(text, "though it was tried 5 times") {
		t.Errorf("%q", text)
	}
}

// Attachments together may not be larger than the limit; those that fit go.
func TestAttachmentsTogether(t *testing.T) {
	t.Parallel()
	box := mailbox(t, sim.MailboxOptions{})
	o := office(t, box.URL(), func(o *post.Options) { o.MaxAttachments = 1000 })
	m := message("a@example.net")
	m.HTML = "<html><BODY>Hi</BODY></html>"
	for _, name := range []string{"1.txt", "2.txt", "3.txt"} {
		m.Attachments = append(m.Attachments, attachment("data:text/plain,"+strings.Repeat("x", 600-150*len(m.Attachments)), name)...)
	}
	a := send(t, o, m)
	got := only(t, box)
	if a.Headers.Get("omitted") != "3.txt: it is larger than what a mail may carry" && a.Headers.Get("omitted") != "2.txt: it is larger than what a mail may carry" {
		t.Errorf("omitted: %q", a.Headers.Get("omitted"))
	}
	if page := got.Text("text/html"); !strings.HasSuffix(page, "</p>\r\n</BODY></html>") {
		t.Errorf("%q", page)
	}
}

// An operator's proxy is told an address that was judged, never a name.
func TestAttachmentsThroughAProxy(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 10)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + r.RequestURI + " " + r.Header.Get("Proxy-Authorization")
		w.WriteHeader(http.StatusOK)
		nc, both, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer nc.Close()
		inner, err := http.ReadRequest(both.Reader)
		if err != nil {
			t.Error(err)
			return
		}
		asked <- inner.Host + inner.RequestURI
		_, _ = io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nthrough")
	}))
	t.Cleanup(proxy.Close)
	at, err := url.Parse(strings.Replace(proxy.URL, "http://", "http://ann:secret@", 1))
	if err != nil {
		t.Fatal(err)
	}
	box := mailbox(t, sim.MailboxOptions{})
	var networks []netip.Prefix
	for _, allowed := range []bool{false, true} {
		o := office(t, box.URL(), func(o *post.Options) { o.Proxy, o.Networks = at, networks })
		m := message("a@example.net")
		m.Attachments = attachment("http://localhost:8123/a.txt", "a.txt")
		a := send(t, o, m)
		if got := a.Headers.Get("omitted") == ""; got != allowed {
			t.Errorf("allowed %t: %+v", allowed, a)
		}
		networks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	}
	if got := <-asked; got != "CONNECT 127.0.0.1:8123 Basic YW5uOnNlY3JldA==" && got != "CONNECT [::1]:8123 Basic YW5uOnNlY3JldA==" {
		t.Errorf("the proxy was asked %q", got)
	}
	if got := <-asked; got != "localhost:8123/a.txt" {
		t.Errorf("the server was asked %q", got)
	}
	if got := box.Messages()[1].Parts[2]; string(got.Data) != "through" {
		t.Errorf("got %+v", got)
	}
}

// A server of attachments that never answers holds up the mails of its account, and nobody
// else's.
func TestSlowAttachments(t *testing.T) {
	t.Parallel()
	box := mailbox(t, sim.MailboxOptions{})
	o := office(t, box.URL(), func(o *post.Options) { o.Networks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	asked := make(chan struct{}, 100)
	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(hangs.Close)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait)
	t.Cleanup(cancel)
	for range 40 {
		m := message("a@example.net")
		m.WebhookID, m.Attachments = "mail:slow:voicemail_to_email", attachment(hangs.URL, "a")
		r := request(t, m)
		wg.Go(func() { _, _ = o.Send(ctx, r) })
	}
	for range 4 {
		<-asked
	}
	m := message("b@example.net")
	m.Attachments = attachment(shelf(t)+"/vm.mp3", "b")
	if a := send(t, o, m); a.Status != 250 {
		t.Errorf("%+v", a)
	}
	if len(asked) > 0 {
		t.Errorf("%d more were asked for", len(asked))
	}
}

package post

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/switchhook/switchhook/internal/deliver/reach"
	"github.com/switchhook/switchhook/internal/mail"
)

const (
	mostRedirects   = 5
	longestHeader   = 64 << 10 // of an answer
	longestFileName = 120      // bytes; a header writes some of them as three
	anyType         = "application/octet-stream"
)

// A file is an attachment as it is sent.
type file struct {
	name, kind string
	data       []byte
	url        string // where it came from; empty: from the message itself
}

// A gap is why there is no file, and never will be.
type gap string

func (g gap) Error() string { return string(g) }

const tooLarge gap = "it is larger than what a mail may carry"

// collect gets the attachments. What can never be had is put down as omitted; an error means
// that it may be had another time. A third of the time is left for the mail itself.
func (o *Office) collect(ctx context.Context, l *letter, networks string) error {
	if deadline, bounded := ctx.Deadline(); bounded {
		within, cancel := context.WithDeadlineCause(ctx, time.Now().Add(time.Until(deadline)*2/3), context.DeadlineExceeded)
		defer cancel()
		ctx = within
	}
	guard, err := o.guard(networks)
	if err != nil {
		return err
	}
	left := l.limit
	for i, a := range l.m.Attachments {
		f, err := o.get(ctx, guard, a, left)
		if f == nil {
			f = &file{}
		}
		f.name = fileName(a, f, i)
		if g, ok := errors.AsType[gap](err); ok {
			l.omit(omission{f.name, g.Error(), f.url})
			continue
		}
		if err != nil && l.attempts >= mostFetches {
			l.omit(omission{f.name, fmt.Sprintf("it could not be fetched, though it was tried %d times: %v", l.attempts+1, err), f.url})
			continue
		}
		if err != nil {
			return fmt.Errorf("the attachment %s could not be fetched: %w", f.name, err)
		}
		left -= int64(len(f.data))
		l.files = append(l.files, *f)
	}
	return nil
}

func (o *Office) guard(more string) (*reach.Guard, error) {
	networks := slices.Clip(o.o.Networks)
	for word := range strings.SplitSeq(more, ",") {
		if word == "" {
			continue
		}
		n, err := netip.ParsePrefix(word)
		if err != nil {
			return nil, err
		}
		networks = append(networks, n)
	}
	return reach.New(networks...), nil
}

// get gets one attachment of at most so many bytes. With a gap, the file has the URL alone.
func (o *Office) get(ctx context.Context, guard *reach.Guard, a mail.Attachment, most int64) (*file, error) {
	if len(a.URL) >= 5 && strings.EqualFold(a.URL[:5], "data:") {
		f, err := inlined(a.URL)
		if err == nil && int64(len(f.data)) > most {
			return nil, tooLarge
		}
		if err == nil {
			f.kind = kindOf(a.Type, f.kind, f.data)
		}
		return f, err
	}
	u, err := url.Parse(a.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, gap("its address is neither one of http or https nor a data: URI")
	}
	f := &file{url: shownURL(u)}
	resp, err := o.follow(ctx, guard, u)
	if err != nil {
		return f, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.ContentLength > most {
		return f, tooLarge
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err != nil {
		return f, failed(ctx, err)
	}
	if int64(len(data)) > most {
		return f, tooLarge
	}
	f.data, f.kind = data, kindOf(a.Type, resp.Header.Get("Content-Type"), data)
	return f, nil
}

// follow makes the request, and those that it is redirected to; each is judged.
func (o *Office) follow(ctx context.Context, guard *reach.Guard, u *url.URL) (*http.Response, error) {
	for range mostRedirects + 1 {
		resp, err := o.request(ctx, guard, u)
		if err != nil {
			return nil, failed(ctx, err)
		}
		switch s := resp.StatusCode; {
		case s == http.StatusOK:
			return resp, nil
		case s >= 300 && s < 400 && resp.Header.Get("Location") != "":
			_ = resp.Body.Close()
			if u, err = u.Parse(resp.Header.Get("Location")); err != nil || u.Scheme != "http" && u.Scheme != "https" {
				return nil, gap("it is redirected to something that is no address of http or https")
			}
			continue
		case s >= 500, s == http.StatusTooManyRequests, s == http.StatusRequestTimeout, s == http.StatusTooEarly:
			_ = resp.Body.Close()
			return nil, fmt.Errorf("its server answered %d", s)
		default:
			_ = resp.Body.Close()
			return nil, gap(fmt.Sprintf("its server answered %d", s))
		}
	}
	return nil, gap("it is redirected too often")
}

// request makes one request on a connection of its own, which is judged when it is made.
func (o *Office) request(ctx context.Context, guard *reach.Guard, u *url.URL) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, gap("its address cannot be asked for")
	}
	req.Header.Set("User-Agent", "Switchhook")
	req.Header.Set("Accept-Encoding", "identity") // what is attached is what is there
	t := &http.Transport{DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: longestHeader}
	if o.o.Proxy != nil {
		t.DialContext = throughProxy(guard, o.o.Proxy)
	} else {
		t.DialContext = (&net.Dialer{Timeout: connectTimeout, Control: guard.Control}).DialContext
	}
	return t.RoundTrip(req)
}

// throughProxy makes connections through a proxy (CONNECT). It is asked for an address that
// was judged, not for the name, which it would look up anew.
func throughProxy(guard *reach.Guard, proxy *url.URL) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(addrs, func(a netip.Addr) bool { return guard.Check(a) == nil })
		if at < 0 {
			return nil, reach.ErrPrivate
		}
		nc, err := tunnel(ctx, network, proxy, net.JoinHostPort(addrs[at].Unmap().String(), port))
		if err != nil {
			return nil, fmt.Errorf("no connection through the operator's proxy: %w", err)
		}
		return nc, nil
	}
}

func tunnel(ctx context.Context, network string, proxy *url.URL, address string) (_ net.Conn, err error) {
	port := cmp.Or(proxy.Port(), map[string]string{"https": "443"}[proxy.Scheme], "80")
	nc, err := (&net.Dialer{Timeout: connectTimeout}).DialContext(ctx, network, net.JoinHostPort(proxy.Hostname(), port))
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() })
	defer func() {
		if !stop() && err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			_ = nc.Close()
		}
	}()
	if proxy.Scheme == "https" {
		nc = tls.Client(nc, &tls.Config{MinVersion: tls.VersionTLS12, ServerName: proxy.Hostname()})
	}
	ask := &http.Request{Method: http.MethodConnect, URL: &url.URL{Host: address}, Host: address, Header: http.Header{}}
	if u := proxy.User; u != nil {
		password, _ := u.Password()
		ask.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+password)))
	}
	if err = ask.Write(nc); err != nil {
		return nil, err
	}
	in := bufio.NewReader(io.LimitReader(nc, longestHeader))
	resp, err := http.ReadResponse(in, ask)
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode != http.StatusOK || in.Buffered() > 0:
		_ = resp.Body.Close()
		return nil, fmt.Errorf("it answered %d", resp.StatusCode)
	}
	return nc, nil
}

// failed sorts out what another attempt will meet again.
func failed(ctx context.Context, err error) error {
	if errors.Is(err, reach.ErrPrivate) {
		return gap("its address is a private one, which may not be reached")
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok && e.IsNotFound {
		return gap("there is no host " + oneLine(e.Name))
	}
	if ctx.Err() != nil && errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return errors.New("it took too long")
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return errors.New("no connection, or it broke: " + e.Err.Error())
	}
	return err
}

// inlined reads a data: URI (RFC 2397).
func inlined(uri string) (*file, error) {
	const broken gap = "it cannot be decoded"
	head, text, ok := strings.Cut(uri[len("data:"):], ",")
	if !ok {
		return nil, broken
	}
	text, err := url.PathUnescape(text)
	if err != nil {
		return nil, broken
	}
	kind, base64ed := strings.CutSuffix(head, ";base64")
	data := []byte(text)
	if base64ed {
		text = strings.NewReplacer("-", "+", "_", "/", "\n", "", "\r", "", " ", "", "=", "").Replace(text)
		if data, err = base64.RawStdEncoding.DecodeString(text); err != nil {
			return nil, broken
		}
	}
	return &file{kind: kind, data: data}, nil
}

// kindOf is the type of a file: what is said of it, if it is a type, else what it looks like.
// What a mail must not have encoded, messages and what has parts (RFC 2046 5), is any file.
func kindOf(declared, said string, data []byte) string {
	for _, each := range [...]string{declared, said, http.DetectContentType(data)} {
		kind, params, err := mime.ParseMediaType(each)
		major, minor, ok := strings.Cut(kind, "/")
		if err != nil || !ok || minor == "" || kind == anyType || len(kind) > 80 || strings.Trim(kind, "abcdefghijklmnopqrstuvwxyz0123456789/!#$&^_.+-") != "" {
			continue
		}
		if major == "multipart" || major == "message" {
			break
		}
		if charset := params["charset"]; major == "text" && charset != "" && len(charset) < 40 {
			return mime.FormatMediaType(kind, map[string]string{"charset": oneLine(charset)})
		}
		return kind
	}
	return anyType
}

// fileName is a name that can be saved as it is: what it says, else the end of its URL.
func fileName(a mail.Attachment, f *file, i int) string {
	name := safe(a.Name)
	if u, err := url.Parse(f.url); name == "" && err == nil {
		name = safe(path.Base(u.Path))
	}
	if name == "" {
		name = fmt.Sprintf("attachment-%d", i+1) + ending(f.kind)
	}
	return name
}

// ending is how names of a type end. (What mime.ExtensionsByType says depends on the machine.)
func ending(kind string) string {
	kind, _, _ = strings.Cut(kind, ";")
	switch kind {
	case "", anyType:
		return ""
	case "audio/mpeg":
		return ".mp3"
	case "text/plain":
		return ".txt"
	}
	_, minor, _ := strings.Cut(kind, "/")
	minor, _, _ = strings.Cut(minor, "+")
	return "." + strings.TrimPrefix(minor, "x-")
}

// safe takes out of a name what would make it a path, or another name than it looks: controls
// and marks that turn the direction of writing.
func safe(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == '\u2028', r == '\u2029', strings.ContainsRune(`/\:*?"<>|`, r):
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, "_"))
	name = strings.Trim(oneLine(name), " .")
	if strings.Trim(name, "_") == "" {
		return ""
	}
	if len(name) > longestFileName { // the end says what it is
		end := path.Ext(name)
		if len(end) > 10 {
			end = ""
		}
		name = shorten(name, longestFileName-len(end)) + end
	}
	return name
}

// logo is the image that the page shows, nil if it shows none.
func (l *letter) logo(page string) (*file, string) {
	if l.m.Logo == "" || !strings.Contains(page, "cid:logo") {
		return nil, ""
	}
	if !strings.HasPrefix(l.m.Logo, "data:") {
		return nil, "it is no data: URI"
	}
	f, err := inlined(l.m.Logo)
	if err != nil {
		return nil, err.Error()
	}
	if f.kind = kindOf(f.kind, "", f.data); !strings.HasPrefix(f.kind, "image/") {
		return nil, "it is no image"
	}
	f.name = "logo" + ending(f.kind)
	return f, ""
}

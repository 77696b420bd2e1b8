package cli

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newVerify() *cobra.Command {
	var secret, body, method string
	var headers []string
	var tolerance time.Duration
	cmd := &cobra.Command{
		Use: "verify", Short: "Check the signature of a request", GroupID: groupDevelop,
		Long: `Check the signature of a webhook's request (Standard Webhooks: webhook-id,
webhook-timestamp, webhook-signature), and say what is wrong: a header is missing, the
clock is off, the body was changed on the way, or it is another secret.

The request is read from the standard input: as HTTP (its first line and headers, an
empty line, the body), or as JSON of an attempt or of switchhook webhooks preview. Or
its headers are given with --header, and its body with --body.

It speaks with no server. Exit code: 0 it is signed with the secret, 1 it is not.`,
		Example: examples(`
verify --secret whsec_… < request.txt
attempts get att_… --output json | switchhook verify --secret whsec_… --tolerance 0
verify --secret whsec_… -H 'webhook-id: msg_…' -H 'webhook-timestamp: 1769871845' -H 'webhook-signature: v1,…' --body @body.json`),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("verify takes no arguments; the request comes on the standard input, or by --header and --body")
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&secret, "secret", os.Getenv("SWITCHHOOK_WEBHOOK_SECRET"), "the signing secret: whsec_…, or for Ed25519 the public key whpk_… (variable SWITCHHOOK_WEBHOOK_SECRET)")
	f.StringArrayVarP(&headers, "header", "H", nil, "a header, NAME: VALUE; repeat it")
	f.StringVar(&body, "body", "", "the body: as it stands, @FILE, or - for the standard input")
	f.StringVar(&method, "request", "", "the method and target where they matter: 'GET /hook?event=…' is signed by its query")
	f.DurationVar(&tolerance, "tolerance", 5*time.Minute, "how far the timestamp may be from this machine's clock; 0: it does not matter")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		r := &signedRequest{header: http.Header{}}
		var err error
		if len(headers) == 0 {
			var dump []byte
			if dump, err = io.ReadAll(cmd.InOrStdin()); err == nil {
				r, err = readRequest(dump)
			}
		} else {
			err = r.of(headers, method, body, cmd.InOrStdin())
		}
		if err != nil {
			return err
		}
		said, err := r.verify(strings.TrimSpace(secret), time.Now(), tolerance)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), said)
		return err
	}
	return cmd
}

// A signedRequest is what there is of a request.
type signedRequest struct {
	method, target string // empty: not known
	header         http.Header
	body           []byte
}

// of takes a request from flags.
func (r *signedRequest) of(headers []string, line, body string, stdin io.Reader) error {
	for _, h := range headers {
		name, value, ok := strings.Cut(h, ":")
		if !ok {
			return usage("--header %q is not NAME: VALUE", h)
		}
		r.header.Add(name, strings.TrimSpace(value))
	}
	r.method, r.target, _ = strings.Cut(line, " ")
	file, isFile := strings.CutPrefix(body, "@")
	var err error
	switch {
	case body == "-":
		r.body, err = io.ReadAll(stdin)
	case isFile:
		r.body, err = os.ReadFile(file) //nolint:gosec // the person names the file
	default:
		r.body = []byte(body)
	}
	return err
}

// readRequest reads a dump: JSON that has headers and body, or HTTP.
func readRequest(dump []byte) (*signedRequest, error) {
	type request struct {
		Method, URL, Body string
		Headers           map[string]string
	}
	var whole struct {
		request
		Request *request
	}
	if bytes.HasPrefix(bytes.TrimSpace(dump), []byte("{")) && json.Unmarshal(dump, &whole) == nil {
		one := whole.request
		if whole.Request != nil { // of an attempt
			one = *whole.Request
		}
		r := &signedRequest{method: one.Method, target: one.URL, header: http.Header{}, body: []byte(one.Body)}
		for name, value := range one.Headers {
			r.header.Set(name, value)
		}
		return r, nil
	}
	in := bufio.NewReader(bytes.NewReader(dump))
	r := &signedRequest{}
	first, _ := in.Peek(in.Size()) // less than that is no error
	if line, _, _ := bytes.Cut(first, []byte("\n")); !bytes.Contains(line, []byte(": ")) {
		text, err := in.ReadString('\n')
		if err != nil {
			return nil, usage("there is no request on the standard input: expected its first line and headers, an empty line, and the body")
		}
		if words := strings.Fields(text); len(words) >= 2 {
			r.method, r.target = words[0], words[1]
		}
	}
	header, err := textproto.NewReader(in).ReadMIMEHeader()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, usage("the headers on the standard input cannot be read: %w", err)
	}
	r.header = http.Header(header)
	if r.body, err = io.ReadAll(in); err != nil {
		return nil, err
	}
	// Editors and shells end a file with a line feed that was never sent.
	if n, err := strconv.Atoi(r.header.Get("Content-Length")); err == nil && n >= 0 && n < len(r.body) {
		r.body = r.body[:n]
	}
	return r, nil
}

// content is what is signed: the body, and of a GET without one the query.
func (r *signedRequest) content() []byte {
	if len(r.body) == 0 && cmp.Or(r.method, http.MethodGet) == http.MethodGet {
		_, query, _ := strings.Cut(r.target, "?")
		return []byte(query)
	}
	return r.body
}

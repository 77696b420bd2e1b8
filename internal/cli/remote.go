package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/client"
)

// How the program ends, beside 0.
const (
	exitFailed      = 1 // it did not work, or was refused
	exitUsage       = 2 // the command line is wrong
	exitUnavailable = 3 // nobody answered, or the server cannot just now: it may work later
	exitNotFound    = 4 // there is no such thing, for this key
)

// A usageError is one of the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// exitCode is how the program ends with an error.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	if _, ok := errors.AsType[*client.Unreachable](err); ok {
		return exitUnavailable
	}
	refused, ok := errors.AsType[*client.Error](err)
	switch {
	case !ok:
		return exitFailed
	case refused.Temporary() && refused.Status != http.StatusInternalServerError:
		return exitUnavailable
	case refused.Status == http.StatusNotFound:
		return exitNotFound
	default:
		return exitFailed
	}
}

// explain is an error as it is printed: a sentence, a line for each wrong field, and
// what to do where that is known.
func explain(err error) string {
	var b strings.Builder
	refused, _ := errors.AsType[*client.Error](err)
	if refused != nil && len(refused.Fields) > 1 {
		b.WriteString("the server refuses it:")
	} else {
		b.WriteString(err.Error())
	}
	switch {
	case refused == nil:
		if un, ok := errors.AsType[*client.Unreachable](err); ok {
			fmt.Fprintf(&b, "\nIs a server running at %s? --url or SWITCHHOOK_URL says where it is.", un.URL)
		}
	case len(refused.Fields) > 1:
		for _, f := range refused.Fields {
			fmt.Fprintf(&b, "\n  %s: %s", f.Field, f.Message)
		}
	case refused.Status == http.StatusUnauthorized:
		b.WriteString("\nSWITCHHOOK_API_KEY is where the key comes from.")
	case refused.Code == switchhook.CodeInternal && refused.RequestID != "":
		fmt.Fprintf(&b, "\nThe server's log has it under %s.", refused.RequestID)
	}
	return b.String()
}

// A remote is the server that the commands of the API speak with.
type remote struct {
	url    string
	data   string
	output string
}

const defaultURL = "http://127.0.0.1:8420"

const aboutRemote = `
The server is the one at --url (SWITCHHOOK_URL). The key is SWITCHHOOK_API_KEY; on
the server's own machine the operator's is found by itself: SWITCHHOOK_ADMIN_KEY, or
admin.key in the data directory (--data, SWITCHHOOK_DATA).

Tables show times of the local zone; --output json is what the API answers, in UTC.
Exit code: 0 done, 1 refused or failed, 2 wrong usage, 3 no server (try again), 4 not
found.`

// flags adds what says which server, and how to print.
func (r *remote) flags(cmd *cobra.Command, outputs string) {
	f := cmd.PersistentFlags()
	f.StringVar(&r.url, "url", cmp.Or(os.Getenv("SWITCHHOOK_URL"), defaultURL), "the server (variable SWITCHHOOK_URL)")
	f.StringVar(&r.data, "data", cmp.Or(os.Getenv("SWITCHHOOK_DATA"), "./switchhook-data"), "its data directory, for the operator's key (variable SWITCHHOOK_DATA)")
	f.StringVarP(&r.output, "output", "o", "text", outputs)
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
}

// client makes a client, or says what is missing.
func (r *remote) client() (*client.Client, error) {
	if r.output != "text" && r.output != "json" {
		return nil, usage("--output wants text or json")
	}
	u, err := url.Parse(r.url)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, usage("--url wants the server's address, such as %s", defaultURL)
	}
	key := os.Getenv("SWITCHHOOK_API_KEY")
	if key == "" && onThisMachine(u.Hostname()) { // the operator's key goes nowhere else by itself
		if key = os.Getenv("SWITCHHOOK_ADMIN_KEY"); key == "" {
			kept, err := os.ReadFile(filepath.Join(r.data, "admin.key"))
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				return nil, fmt.Errorf("the operator's key: %w", err)
			}
			key = strings.TrimSpace(string(kept))
		}
	}
	if key == "" {
		return nil, usage("there is no API key: set SWITCHHOOK_API_KEY%s", map[bool]string{true: ", or say with --data where the server keeps its data"}[onThisMachine(u.Hostname())])
	}
	return &client.Client{URL: strings.TrimRight(r.url, "/"), Key: key, Agent: "switchhook/" + Version}, nil
}

func onThisMachine(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// request is that of an operation: args are for the names in its path, one for each.
func request(o *operation, args []string, query url.Values, body []byte) client.Request {
	path := o.Path
	for i, name := range o.params() {
		if i < len(args) {
			path = strings.Replace(path, "{"+name+"}", url.PathEscape(args[i]), 1)
		}
	}
	return client.Request{Method: o.Method, Path: path, Query: query, Body: body}
}

// complete suggests what a list of the server's has, by a member and with another
// one beside it. It is for a person who waits: what does not come at once is left out.
func (r *remote) complete(ctx context.Context, list *operation, member, beside string) []string {
	c, err := r.client()
	if err != nil || list == nil || len(list.params()) > 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	var page struct{ Items []map[string]any }
	if err := c.Get(ctx, list.Path, url.Values{"limit": {"100"}}, &page); err != nil {
		return nil
	}
	var all []string
	for _, item := range page.Items {
		if value, ok := item[member].(string); ok {
			about, _ := item[beside].(string)
			all = append(all, cobra.CompletionWithDesc(value, about))
		}
	}
	return all
}

// completionTime is how long a person waits for suggestions.
const completionTime = 2 * time.Second

// now is the time by which a person says how long ago something was.
func now() time.Time { return time.Now() }

package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/switchhook/switchhook"
)

// An Audit finds out whether all that was accepted has arrived. What ought to
// arrive, it asks the API; what did, the receiver.
type Audit struct {
	Client   *Client
	Account  string
	Phone    *Phone
	Receiver *Receiver
	// Mailbox is where mails go. Nil: they are not looked at.
	Mailbox *Mailbox
	// Since is when the account's own changes began to count: what a record
	// makes happen is named by the API, not by the phone.
	Since time.Time
	// Types are globs of the events that somebody else than the phone made. Nil: those of
	// changes of the directory.
	Types []string
	// Patience is how long to wait for stragglers while none arrives. Zero
	// means 20 seconds.
	Patience time.Duration
	// Progress, where set, is told from time to time how far the audit is.
	Progress func(arrived, expected int)
}

// mostAsked bounds the requests that an audit has under way.
const mostAsked = 8

// Run waits for stragglers and reports. The error is about the audit itself; what
// is wrong with the deliveries is in the report.
func (a *Audit) Run(ctx context.Context) (*Report, error) {
	accepted := a.Phone.Accepted()
	recorded, err := a.recorded(ctx)
	if err != nil {
		return nil, err
	}
	ids := make([]string, 0, len(accepted)+len(recorded))
	told := map[string]bool{}
	for _, e := range accepted {
		told[e.ID] = true
		ids = append(ids, e.ID)
	}
	changes := 0
	for _, e := range recorded {
		if !told[e.ID] {
			ids = append(ids, e.ID)
			changes++
		}
	}
	deliveries, err := a.expected(ctx, ids)
	if err != nil {
		return nil, err
	}
	paths := a.Receiver.Paths()
	if a.Mailbox != nil {
		for _, d := range deliveries {
			if mailed(&d) {
				paths[d.WebhookID] = Post
			}
		}
	}
	missing, err := a.await(ctx, deliveries, paths)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		// Ask again how those stand, so that the report can say why.
		if deliveries, err = a.expected(ctx, ids); err != nil {
			return nil, err
		}
	}
	arrivals := a.Receiver.Arrivals()
	mails := a.mails()
	r := Compare(accepted, deliveries, slices.Concat(arrivals, mails), paths)
	r.checkLetters(accepted, deliveries, mails, a.foreign(ctx))
	r.Events, r.Resent = len(ids), a.Phone.Retries()
	if want := a.Phone.Changes(); changes < want {
		r.wrong("%d changes of the directory were accepted, but the API lists %d events of them", want, changes)
	}
	return r, nil
}

// recorded lists the events that the phone did not name.
func (a *Audit) recorded(ctx context.Context) ([]switchhook.Event, error) {
	var all []switchhook.Event
	globs := a.Types
	if globs == nil {
		globs = []string{"record.*", "queue.*", "agent.*"}
	}
	for _, types := range globs {
		events, err := a.Client.Events(ctx, a.Account, a.Since, types)
		if err != nil {
			return nil, fmt.Errorf("ask which events there were: %w", err)
		}
		all = append(all, events...)
	}
	return all, nil
}

// expected asks for the deliveries of each event, in the order of ids.
func (a *Audit) expected(ctx context.Context, ids []string) ([]switchhook.Delivery, error) {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(mostAsked)
	found := make([][]switchhook.Delivery, len(ids))
	for i, id := range ids {
		g.Go(func() error {
			list, err := a.Client.Deliveries(gctx, id)
			if api, ok := errors.AsType[*APIError](err); ok && api.Code == switchhook.CodeNotFound {
				return nil // Compare finds that an accepted event is not known
			}
			found[i] = list
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("ask what is to be delivered: %w", err)
	}
	var all []switchhook.Delivery
	for _, list := range found {
		all = append(all, list...)
	}
	return all, nil
}

// await waits until each delivery to the receiver has arrived, rightly or not,
// and returns those that did not come in time.
func (a *Audit) await(ctx context.Context, deliveries []switchhook.Delivery, paths map[string]string) (map[arrivalKey]bool, error) {
	missing := map[arrivalKey]bool{}
	for _, d := range deliveries {
		if path, ok := paths[d.WebhookID]; ok {
			missing[arrivalKey{path, d.ID}] = true
		}
	}
	expected, seen, read := len(missing), 0, 0
	patience := a.Patience
	if patience == 0 {
		patience = 20 * time.Second
	}
	given := time.NewTimer(patience)
	defer given.Stop()
	tell := time.NewTicker(time.Second)
	defer tell.Stop()
	for {
		changed, posted := a.Receiver.Changed(), a.posted()
		before := len(missing)
		arrivals, mails := a.Receiver.Arrivals(), a.mails()
		for _, arrival := range slices.Concat(arrivals[seen:], mails[read:]) {
			if !arrival.Refused {
				delete(missing, arrivalKey{arrival.Path, arrival.ID})
			}
		}
		seen, read = len(arrivals), len(mails)
		if len(missing) < before {
			given.Reset(patience)
		}
		if len(missing) == 0 {
			return nil, nil
		}
		select {
		case <-changed:
		case <-posted:
		case <-tell.C:
			if a.Progress != nil {
				a.Progress(expected-len(missing), expected)
			}
		case <-given.C:
			return missing, nil
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for %d deliveries: %w", len(missing), context.Cause(ctx))
		}
	}
}

// mails are those that the mailbox took.
func (a *Audit) mails() []*Arrival {
	if a.Mailbox == nil {
		return nil
	}
	return posted(a.Mailbox.Slips())
}

// posted tells of the next mail; of none where there is no mailbox.
func (a *Audit) posted() <-chan struct{} {
	if a.Mailbox == nil {
		return nil
	}
	return a.Mailbox.Changed()
}

type arrivalKey struct{ path, id string }

package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/api"
	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/asterisk"
	"github.com/switchhook/switchhook/internal/source/freeswitch"
	"github.com/switchhook/switchhook/internal/source/kamailio"
	"github.com/switchhook/switchhook/internal/source/kazoo"
	"github.com/switchhook/switchhook/internal/source/kazoobus"
	"github.com/switchhook/switchhook/internal/source/primevox"
	"github.com/switchhook/switchhook/internal/source/teli"
	"github.com/switchhook/switchhook/internal/source/voipbin"
	"github.com/switchhook/switchhook/internal/track"
)

// translators are the kinds of sources that are another system's webhooks.
func translators() []source.Translator {
	return []source.Translator{kazoo.New(), primevox.New(), teli.New(), voipbin.New()}
}

// connectors are the kinds of sources that connect by themselves. Each remembers what it has
// open, so there is one of each.
func connectors(c Config) []source.Connector {
	return append([]source.Connector{asterisk.New(), freeswitch.New(), kamailio.New(), kazoobus.New()}, c.connectors...)
}

// supervisor makes what runs the sources that connect by themselves. None runs yet.
func (a *App) supervisor() *source.Supervisor {
	return source.NewSupervisor(source.SupervisorOptions{
		Connectors: a.connectors, Router: a.router,
		NewTracker: func(s *switchhook.Source) source.Tracker {
			return track.New(track.Options{
				Source: s.ID, Account: s.AccountID, Accounts: s.AccountMap,
				Owner: func(schema, name string) (account, id string, ok bool) {
					return a.directory.Owner(s.AccountID, schema, name)
				},
			})
		},
		Owns: a.directory.Owns, Dir: a.c.Data,
		MakeAccounts: func(ctx context.Context, s *switchhook.Source, tenants []source.Tenant) ([]error, error) {
			return a.rest.MakeAccounts(ctx, s, tenants)
		},
		Metrics: a.metrics, Logger: a.log.With("component", "source"),
	})
}

// setSources starts the sources that connect by themselves, stops those that are gone, and
// takes changed ones into force.
func (a *App) setSources(ctx context.Context) error {
	a.reload.Lock()
	defer a.reload.Unlock()
	sources, err := a.store.Sources(ctx)
	if err != nil {
		return fmt.Errorf("read the sources: %w", err)
	}
	a.live.Set(sources)
	return nil
}

// configuredSources makes the sources of the configuration file what the file
// says; others stay as they are.
func (a *App) configuredSources(ctx context.Context) error {
	if len(a.c.Sources) == 0 {
		return nil
	}
	existing, err := a.store.Sources(ctx)
	if err != nil {
		return fmt.Errorf("read the sources: %w", err)
	}
	byID := map[string]*switchhook.Source{}
	for _, s := range existing {
		byID[s.ID] = s
	}
	accounts, err := a.store.Accounts(ctx)
	if err != nil {
		return fmt.Errorf("read the accounts: %w", err)
	}
	for i, s := range a.c.Sources {
		posted, err := a.checkSource(&s, accounts)
		if err != nil {
			return fmt.Errorf("the configuration file: %w", namedIn(fmt.Sprintf("sources[%d]", i), err))
		}
		now := time.Now().UTC()
		s.CreatedAt, s.UpdatedAt = now, now
		old := byID[s.ID]
		if s.Token == "" && old != nil {
			s.Token = old.Token
		}
		if s.Token == "" && posted {
			s.Token = api.NewToken()
		}
		if old != nil {
			s.CreatedAt = old.CreatedAt
			err = a.store.UpdateSource(ctx, &s)
		} else {
			err = a.store.CreateSource(ctx, &s)
		}
		if err != nil {
			return fmt.Errorf("keep the source %s: %w", s.ID, err)
		}
	}
	return nil
}

// namedIn says where in the file each field of an error is.
func namedIn(place string, err error) error {
	e, ok := errors.AsType[*switchhook.Error](err)
	if !ok || len(e.Fields) == 0 {
		return fmt.Errorf("%s: %w", place, err)
	}
	var lines []string
	for _, f := range e.Fields {
		lines = append(lines, place+"."+f.Field+": "+f.Message)
	}
	return errors.New(strings.Join(lines, "; "))
}

// checkSource says what is wrong with a source of the configuration file, and whether it
// has an ingest URL.
func (a *App) checkSource(s *switchhook.Source, accounts []*switchhook.Account) (posted bool, err error) {
	var kinds []string
	var connector source.Connector
	for _, t := range translators() {
		kinds = append(kinds, t.Kind())
	}
	for _, c := range a.connectors {
		kinds = append(kinds, c.Kind())
		if c.Kind() == s.Kind {
			connector = c
		}
	}
	if !slices.Contains(kinds, s.Kind) {
		slices.Sort(kinds)
		return false, switchhook.InvalidField("kind", "there is no kind %q; there is %s", s.Kind, strings.Join(kinds, ", "))
	}
	known := func(id string) bool {
		return slices.ContainsFunc(accounts, func(a *switchhook.Account) bool { return a.ID == id })
	}
	if !known(s.AccountID) {
		return false, switchhook.InvalidField("account_id", "there is no account %q", s.AccountID)
	}
	for theirs, ours := range s.AccountMap {
		if !known(ours) {
			return false, switchhook.InvalidField("account_map."+theirs, "there is no account %q", ours)
		}
	}
	if connector != nil {
		err = connector.Check(s.Options)
	}
	return source.Posted(connector), err
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/internal/sim"
)

// A pbx is an Asterisk whose calls the demo shows.
type pbx struct{ address, username, secret string }

const (
	demoSource     = "asterisk"
	secretVariable = "SWITCHHOOK_ASTERISK_SECRET" //nolint:gosec // G101: the name of one
)

func (p *pbx) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&p.address, "asterisk", "", "address of the manager interface of an Asterisk whose calls are shown in place of simulated ones")
	f.StringVar(&p.username, "username", "switchhook", "with --asterisk: the user in its manager.conf")
	f.StringVar(&p.secret, "secret", "", "with --asterisk: the user's secret (default: $"+secretVariable+")")
}

func (p *pbx) check() error {
	if p.secret == "" {
		p.secret = os.Getenv(secretVariable)
	}
	if p.address != "" && p.secret == "" {
		return errors.New("--asterisk needs the secret of the user in manager.conf: --secret, or the variable " + secretVariable)
	}
	return nil
}

// types are the events to be audited: of a real system nobody else names them.
func (p *pbx) types() []string {
	if p.address == "" {
		return nil
	}
	return []string{"*"}
}

// ring lets the Asterisk tell its calls until ctx ends, and says how it stands with it.
func (p *pbx) ring(ctx context.Context, client *sim.Client, s *screen) error {
	err := client.DeleteSource(ctx, demoSource) // of an earlier demo on the same data
	if api, ok := errors.AsType[*sim.APIError](err); err != nil && (!ok || api.Status != http.StatusNotFound) {
		return err
	}
	err = client.CreateSource(ctx, sim.SourceInput{ID: demoSource, Kind: "asterisk", AccountID: demoAccount, Options: map[string]any{
		"address": p.address, "username": p.username, "secret": p.secret,
	}})
	if err != nil {
		return fmt.Errorf("make the source: %w", err)
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	var last sim.SourceState
	for {
		switch now, err := client.Source(ctx, demoSource); {
		case err != nil && ctx.Err() == nil:
			return err
		case err != nil || now == last:
		case now.State == "connected":
			s.printf("connected with %s; make a call\n", now.System)
			last = now
		default:
			if now.Reason != last.Reason {
				s.printf("%s\n", s.paint("31", "not connected, and tried again: "+now.Reason))
			}
			last = now
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

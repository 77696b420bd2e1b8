package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/client"
)

// newReplay is `webhooks replay`, which is asked for often, and waits for its end.
func newReplay() *cobra.Command {
	o := operationOf("replay-webhook")
	cmd := &cobra.Command{
		Use: "replay WEBHOOK [FIELD=VALUE]…", Short: "Deliver past events again, and wait until it is done", GroupID: groupAPI,
		Long: "Start a job that delivers past events again, and wait for its end. Ctrl-C ends the\nwaiting, not the job: switchhook jobs cancel ID does.\n\n" +
			wrap(o.About, "", 80) + aboutFields(o) + "\n" + aboutRemote,
		Example: examples(`
replay wh_… since=24h
replay wh_… since='2026-01-31 09:00' until='2026-01-31 11:30' which=missing types='call.*'
replay wh_… since=24h dry_run=true
replay wh_… which=all call_id=call-1 --no-wait`),
	}
	to, wait := &remote{}, true
	to.flags(cmd, "text or json (the job, as it is at the end)")
	cmd.Flags().BoolFunc("no-wait", "return at once", func(string) error { wait = false; return nil })
	cmd.Args = func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage("it is: switchhook replay WEBHOOK [FIELD=VALUE]…; switchhook webhooks list has the ids")
		}
		return nil
	}
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		return suggest(cmd.Context(), to, o, args)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := to.client()
		if err != nil {
			return err
		}
		body, err := bodyOf(o, "", nil, args[1:])
		if err != nil {
			return err
		}
		raw, err := c.Do(cmd.Context(), request(o, args[:1], nil, body))
		if err == nil && wait && !counted(raw) {
			raw, err = await(cmd.Context(), c, raw, newScreen(cmd.ErrOrStderr()))
		}
		if raw == nil {
			return err
		}
		show := describe
		if to.output == "json" {
			show = writeJSON
		}
		if shown := show(cmd.OutOrStdout(), raw); shown != nil {
			return shown
		}
		return err
	}
	return cmd
}

// counted reports whether an answer says only how many there would be.
func counted(raw []byte) bool {
	var c struct {
		DryRun bool `json:"dry_run"`
	}
	return json.Unmarshal(raw, &c) == nil && c.DryRun
}

// await looks at a job until it has ended. The error says how, unless it is done.
func await(ctx context.Context, c *client.Client, raw []byte, s *screen) ([]byte, error) {
	const pause = 300 * time.Millisecond
	defer func() {
		if s.terminal {
			_, _ = io.WriteString(s, "\r\x1b[K") // ECMA-48: erase to the end of the line
		}
	}()
	for {
		var j switchhook.Job
		if err := json.Unmarshal(raw, &j); err != nil {
			return nil, fmt.Errorf("the answer is no job: %w", err)
		}
		switch j.State {
		case switchhook.JobDone:
			return raw, nil
		case switchhook.JobCancelled, switchhook.JobFailed:
			return raw, fmt.Errorf("the job %s is %s%s", j.ID, j.State, map[bool]string{true: ": " + j.Error}[j.Error != ""])
		case switchhook.JobRunning:
		}
		if s.terminal {
			s.printf("\r\x1b[K%s: looked at %d of %d, made %d deliveries", j.ID, j.Looked, j.Total, j.Made)
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return raw, nil
		}
		next, err := c.Do(ctx, request(operationOf("get-job"), []string{j.ID}, nil, nil))
		switch {
		case ctx.Err() != nil:
			return raw, nil
		case err != nil:
			return raw, err
		}
		raw = next
	}
}

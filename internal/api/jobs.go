package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/mail"
)

// A Replayer makes deliveries of the past again.
type Replayer interface {
	// Begin starts a job, which is durable when it returns. It fills in where the job
	// begins and ends.
	Begin(ctx context.Context, j *switchhook.Job) error
	// Count finds out how many deliveries a job would make, until ctx ends: then more is
	// true, and there are as many at least. It fills in Looked and Made.
	Count(ctx context.Context, j *switchhook.Job) (more bool, err error)
	// Cancel ends a job that is running; it has ended when it returns.
	Cancel(ctx context.Context, id string) error
	// Retry sends a delivery once more, or hastens one that waits for its next try.
	// CodeConflict: it has its turn like all.
	Retry(ctx context.Context, d *switchhook.Delivery) error
}

// A replayInput says which deliveries are made again.
type replayInput struct {
	Since  time.Time `json:"since,omitzero" doc:"Of events accepted at or after this time. Default: from the oldest that is kept."`
	Until  time.Time `json:"until,omitzero" doc:"Of events accepted before this time. Default, and at the latest: now."`
	Types  []string  `json:"types,omitzero" maxItems:"200" doc:"Only of these event types; * stands for anything, dots too." example:"[\"call.*\"]"`
	CallID string    `json:"call_id,omitzero" maxLength:"256" doc:"Only of this call or leg."`
	Which  string    `json:"which,omitzero" enum:"failed,missing,all" default:"failed" doc:"failed: those that ended failed or expired. missing: those that were never made or were cancelled, of the events that the webhook, as it is now, wants. all: every event that it wants. Open ones are never made twice."`
	DryRun bool      `json:"dry_run,omitzero" doc:"Nothing is made or sent: the answer, 200, says how many would be."`
	Rate   *float64  `json:"rate,omitzero" doc:"How many are made a second at most, evenly spread: 0.00001 to 100000. Default: as many as the webhook takes."`
}

// A replayCount is what a replay would make.
type replayCount struct {
	DryRun bool  `json:"dry_run" doc:"true: nothing was made."`
	Count  int64 `json:"count" doc:"How many deliveries it would make."`
	Looked int64 `json:"looked" doc:"How many events were looked at."`
	More   bool  `json:"more" doc:"true: counting took too long and ended early; there are as many at least."`
}

// A jobView is a job as it is shown.
type jobView struct {
	switchhook.Job
	TimeLeft switchhook.Duration `json:"time_left,omitzero" doc:"About how long it goes on, at its pace so far. Absent: it has ended, or nobody can say."`
}

// paceKnown is how long a job has to run before its pace says anything.
const paceKnown = 2 * time.Second

func viewJob(j *switchhook.Job) *jobView {
	v := &jobView{Job: *j}
	if took := time.Since(j.CreatedAt); j.State == switchhook.JobRunning && j.Looked > 0 && took >= paceKnown {
		left := float64(took) * float64(j.Total-j.Looked) / float64(j.Looked)
		v.TimeLeft = switchhook.Duration(time.Duration(min(left, float64(longestLeft))).Round(time.Second))
	}
	return v
}

// longestLeft is what is said of a job that will take longer.
const longestLeft = 365 * 24 * time.Hour

func (a *api) registerJobs() {
	handleOptional(a, huma.Operation{
		OperationID: "replay-webhook", Method: http.MethodPost, Path: "/v1/webhooks/{id}/replay", Tags: []string{"Webhooks", "Jobs"},
		Summary: "Deliver past events again", DefaultStatus: http.StatusAccepted,
		Responses: map[string]*huma.Response{
			"200": {Description: "Counted, with dry_run", Content: map[string]*huma.MediaType{"application/json": {Schema: schemaOf[replayCount](a)}}},
			"202": {Description: "Begun", Content: map[string]*huma.MediaType{"application/json": {Schema: schemaOf[jobView](a)}}},
		},
		Description: "Starts a job that makes deliveries of past events again, the oldest first, and goes on after a restart. Each keeps its id, carries the header webhook-replay: true, " +
			"and expires no more. The job waits while much waits for the webhook; a paused webhook's replay goes on when it is resumed. With dry_run nothing is made, only counted: for up to some seconds, else with more: true.",
	}, a.replayWebhook)
	tags := []string{"Jobs"}
	handle(a, huma.Operation{
		OperationID: "list-jobs", Method: http.MethodGet, Path: "/v1/jobs", Tags: tags, Summary: "List jobs, newest first",
		Description: "A job that has ended is kept as long as history is.",
	}, a.listJobs)
	handle(a, huma.Operation{
		OperationID: "get-job", Method: http.MethodGet, Path: "/v1/jobs/{id}", Tags: tags, Summary: "Get a job",
		Description: "Its progress is at most some seconds old.",
	}, a.getJob)
	handle(a, huma.Operation{
		OperationID: "cancel-job", Method: http.MethodPost, Path: "/v1/jobs/{id}/cancel", Tags: tags, Summary: "Cancel a job",
		Description: "It makes no more deliveries. Those that it has made are sent.",
	}, a.cancelJob)
}

func (a *api) replayWebhook(ctx context.Context, in *struct {
	PathID
	Body jsonBody[replayInput]
},
) (*replayOutput, error) {
	body, err := in.Body.read()
	if err != nil {
		return nil, err
	}
	w, err := a.webhook(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	j, err := jobOf(body)
	if err != nil {
		return nil, err
	}
	if err := enabled(w); err != nil {
		return nil, err
	}
	j.AccountID, j.WebhookID = w.AccountID, w.ID
	if body.DryRun {
		return a.countReplay(ctx, j)
	}
	if err := a.Replayer.Begin(ctx, j); err != nil {
		return nil, err
	}
	if err := a.Store.PutAudit(ctx, a.audit(ctx, j.AccountID, "job", j.ID, nil, plain(j))); err != nil {
		return nil, err
	}
	return &replayOutput{Status: http.StatusAccepted, Body: viewJob(j)}, nil
}

// A replayOutput is a job that has begun, or what it would make.
type replayOutput struct {
	Status int
	Body   any
}

// mostCounting is how long a replay's deliveries are counted.
const mostCounting = 5 * time.Second

func (a *api) countReplay(ctx context.Context, j *switchhook.Job) (*replayOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, mostCounting)
	defer cancel()
	more, err := a.Replayer.Count(ctx, j)
	if err != nil {
		return nil, err
	}
	return &replayOutput{Status: http.StatusOK, Body: &replayCount{DryRun: true, Count: j.Made, Looked: j.Looked, More: more}}, nil
}

// jobOf makes a job of what is asked for, or an error that names every field that is
// wrong.
func jobOf(in replayInput) (*switchhook.Job, error) {
	c, at := &webhookCheck{}, now()
	j := &switchhook.Job{
		ID: switchhook.NewID(switchhook.PrefixJob), Which: cmp.Or(in.Which, switchhook.WhichFailed), Since: in.Since.UTC(), Until: at,
		Types: in.Types, CallID: in.CallID, Rate: or(in.Rate, 0), CreatedAt: at, UpdatedAt: at,
	}
	if !in.Until.IsZero() && in.Until.Before(at) {
		j.Until = in.Until.UTC()
	}
	switch {
	case !in.Since.Before(at):
		c.bad("since", "expected a time in the past")
	case !in.Until.IsZero() && !in.Since.Before(in.Until):
		c.bad("until", "expected a time after since")
	}
	c.types(in.Types)
	if len(in.CallID) > longestCallID {
		c.bad("call_id", "expected at most %d bytes", longestCallID)
	}
	if !slices.Contains([]string{switchhook.WhichFailed, switchhook.WhichMissing, switchhook.WhichAll}, j.Which) {
		c.bad("which", "expected failed, missing or all")
	}
	c.rate("rate", j.Rate)
	return j, invalid(c.wrong)
}

const longestCallID = 256

func enabled(w *switchhook.Webhook) error {
	if t, ok := mail.ParseTarget(w.ID); ok && !w.Enabled {
		return switchhook.Errorf(switchhook.CodeConflict, "the template %s is switched off; switch it on first", t.Template)
	}
	if !w.Enabled {
		return switchhook.Errorf(switchhook.CodeConflict, "the webhook %s is disabled (%s); enable it first", w.ID, cmp.Or(w.DisableReason, turnedOff))
	}
	return nil
}

// jobs are those that the caller sees, newest first.
func (a *api) jobs(ctx context.Context) ([]*switchhook.Job, error) {
	all, err := a.Store.Jobs(ctx)
	c := callerOf(ctx)
	return slices.DeleteFunc(all, func(j *switchhook.Job) bool { return !c.sees(j.AccountID) }), err
}

func (a *api) listJobs(ctx context.Context, in *struct {
	Paging
	AccountID string `query:"account_id" doc:"Only jobs of webhooks of this account. Default: of all that the key opens."`
	WebhookID string `query:"webhook_id" doc:"Only jobs of this webhook."`
	State     string `query:"state" enum:"running,done,cancelled,failed" doc:"Only jobs that stand so."`
},
) (*listOutput[*jobView], error) {
	if _, err := callerOf(ctx).only(in.AccountID); err != nil {
		return nil, err
	}
	jobs, err := a.jobs(ctx)
	if err != nil {
		return nil, err
	}
	jobs = slices.DeleteFunc(jobs, func(j *switchhook.Job) bool {
		return in.AccountID != "" && in.AccountID != j.AccountID || in.WebhookID != "" && in.WebhookID != j.WebhookID || in.State != "" && in.State != string(j.State)
	})
	page, next, err := pageOf(jobs, in.page(), func(j *switchhook.Job) string { return rising(j.CreatedAt.UnixMicro()) + j.ID }, falling)
	if err != nil {
		return nil, err
	}
	var views []*jobView
	for _, j := range page {
		views = append(views, viewJob(j))
	}
	return listOf(views, next), nil
}

func (a *api) job(ctx context.Context, id string) (*switchhook.Job, error) {
	jobs, err := a.jobs(ctx)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(jobs, func(j *switchhook.Job) bool { return j.ID == id }); i >= 0 {
		return jobs[i], nil
	}
	return nil, notFound("job", id)
}

func (a *api) getJob(ctx context.Context, in *PathID) (*output[*jobView], error) {
	j, err := a.job(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &output[*jobView]{Body: viewJob(j)}, nil
}

func (a *api) cancelJob(ctx context.Context, in *PathID) (*output[*jobView], error) {
	j, err := a.job(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if err := a.Replayer.Cancel(ctx, j.ID); err != nil {
		return nil, err
	}
	if j, err = a.job(ctx, in.ID); err != nil {
		return nil, err
	}
	if j.State != switchhook.JobCancelled {
		return nil, switchhook.Errorf(switchhook.CodeConflict, "the job has ended: it is %s", j.State)
	}
	if err := a.Store.PutAudit(ctx, a.audit(ctx, j.AccountID, "job", j.ID, nil, nil)); err != nil {
		return nil, err
	}
	return &output[*jobView]{Body: viewJob(j)}, nil
}

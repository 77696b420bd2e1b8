package cli

import (
	_ "embed"
	"encoding/json"
	"slices"
	"strings"
	"sync"
)

// An operation is a call of the API, as its own document describes it. The commands
// are made of these, so that the API and the command line cannot say different
// things: operations.json is made from internal/api's openapi.json by `make generate`.
type operation struct {
	ID      string  `json:"id"`
	Method  string  `json:"method"`
	Path    string  `json:"path"` // such as /v1/webhooks/{id}
	Summary string  `json:"summary"`
	About   string  `json:"about,omitempty"`
	Query   []field `json:"query,omitempty"`
	Body    []field `json:"body,omitempty"`
	// Free: its body is any object.
	Free bool `json:"free,omitempty"`
	// Required: it has to have a body.
	Required bool `json:"required,omitempty"`
	// Item is what it answers with, such as Webhook; List: with a list of these.
	Item string `json:"item,omitempty"`
	List bool   `json:"list,omitempty"`
}

// A field is a parameter of the query, or a member of the body: a.b is b of a.
type field struct {
	Name string   `json:"name"`
	Kind kind     `json:"kind"`
	Enum []string `json:"enum,omitempty"`
	Doc  string   `json:"doc,omitempty"`
}

// A kind is what a field's value is.
type kind string

// The kinds.
const (
	text    kind = "text"
	integer kind = "integer"
	number  kind = "number"
	boolean kind = "boolean"
	instant kind = "time"
	list    kind = "list" // of texts
	object  kind = "object"
)

//go:embed operations.json
var operationsJSON []byte

// operations are those of the API that are commands.
//
//nolint:gochecknoglobals // read once
var operations = sync.OnceValue(func() []operation {
	var all []operation
	if err := json.Unmarshal(operationsJSON, &all); err != nil {
		panic("operations.json: " + err.Error())
	}
	return all
})

// resource is the part of the path that names what it is about, such as webhooks.
func (o *operation) resource() string {
	return strings.Split(o.Path, "/")[2]
}

// params are the names in the path, such as id.
func (o *operation) params() (names []string) {
	for part := range strings.SplitSeq(o.Path, "/") {
		if strings.HasPrefix(part, "{") {
			names = append(names, strings.Trim(part, "{}"))
		}
	}
	return names
}

// verb is the command's name: what stands last in the path, or what the method does.
func (o *operation) verb() string {
	parts := strings.Split(o.Path, "/")[3:]
	if verb, _, ok := strings.Cut(o.ID, "-new-"); ok {
		return verb + "-new" // of what is not there yet
	}
	if last := len(parts) - 1; last >= 0 && !strings.HasPrefix(parts[last], "{") {
		if verb := parts[last]; last > 0 || !o.ofOne(verb) {
			return verb
		}
		return parts[last] + "-all" // what is there for one, done to many
	}
	first, _, _ := strings.Cut(o.ID, "-") // list, create, get, update, delete, send, put …
	return first
}

// ofOne reports whether the resource has an operation of this name for one.
func (o *operation) ofOne(verb string) bool {
	return slices.ContainsFunc(operations(), func(other operation) bool {
		return other.resource() == o.resource() && strings.HasSuffix(other.Path, "}/"+verb)
	})
}

// streams reports whether it is no command by itself: switchhook tail is.
func (o *operation) streams() bool { return o.verb() == "stream" }

// operationOf finds one by its id.
func operationOf(id string) *operation {
	all := operations()
	if i := slices.IndexFunc(all, func(o operation) bool { return o.ID == id }); i >= 0 {
		return &all[i]
	}
	return nil
}

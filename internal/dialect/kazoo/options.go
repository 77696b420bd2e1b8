package kazoo

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/dialect"
)

// The options of a webhook, dialect_options.
const (
	optionVersion = "version"       // of the payload: v1 or v2; default v1, and of what came from a Kazoo its own
	optionKazoo   = "kazoo_version" // 4 or 5; default 4, with v2 5
	optionKey     = "sha256_key"    // signs v2 payloads
	optionCluster = "cluster_id"    // default defaultCluster
	optionNode    = "node"          // of notifications; default switchhook@HOST
	optionRealm   = "realm"         // of user@realm where only the user is known; default this machine's name
	optionSecrets = "secrets"       // mask or show; default mask
	optionTopup   = "topup_event_name"
)

// defaultCluster is the cluster_id of every v1 payload unless the webhook sets
// its own, or the event came from a Kazoo that told one: the same on each machine
// and after each start, as Kazoo's is. It is dialect.Hex32("", "switchhook").
const defaultCluster = "a15b0fb1057a5f7c865d0efdb119ec1e"

// options are what a webhook says about its payloads.
type options struct {
	v2      bool
	version bool   // the webhook says which
	five    bool   // as Kazoo 5 does it
	key     string // of the hmac; "" for none
	cluster string // "" unless the webhook sets it
	node    string // "" unless the webhook sets it
	realm   string // "" unless the webhook sets it
	topup   string // the event_name of topup; "" unless the webhook sets it
	secrets bool   // shown as they are
}

func optionsOf(w *switchhook.Webhook) options {
	if len(w.DialectOptions) == 0 {
		return options{}
	}
	option := func(name string) string { s, _ := w.Option(name); return s }
	v2 := option(optionVersion) == "v2"
	return options{
		v2: v2, version: option(optionVersion) != "", five: v2 || option(optionKazoo) == "5", key: option(optionKey),
		cluster: option(optionCluster), node: option(optionNode), realm: option(optionRealm), topup: option(optionTopup),
		secrets: option(optionSecrets) == "show",
	}
}

// Check refuses what a Kazoo webhook document cannot say. custom_data and
// modifiers are free, as there.
//
// The option version is that of the payload: v1 (the default), or the v2 of
// Kazoo 5, which sha256_key signs. kazoo_version says whose habits a v1 payload
// has, 4's (the default) or 5's.
//
// Kazoo sends secrets in plain text: the password of new_user, the
// account_api_key of new_account and account_deleted, the password_reset_link of
// password_recovery. Here they are *** unless the option secrets is "show". The
// option topup_event_name is "top_up", as Kazoo's page says (the default), or
// "topup", as its code does.
func (d *Dialect) Check(w *switchhook.Webhook) []switchhook.FieldError {
	upper := *w
	upper.Method = strings.ToUpper(w.Method)
	errs := dialect.Settings{
		Dialect: d.Name(),
		Formats: []string{"form", "form-data", "json"}, // form-data is Kazoo's word for form
		Methods: []string{http.MethodPost, http.MethodPut, http.MethodGet},
		Options: map[string]func(any) string{
			optionVersion: dialect.OneOf("v1", "v2"),
			optionKazoo:   kazooVersion,
			optionKey:     filled,
			optionCluster: filled,
			optionNode:    filled,
			optionRealm:   filled,
			optionSecrets: dialect.OneOf("mask", "show"),
			optionTopup:   dialect.OneOf("top_up", "topup"),
		},
		CustomData: true,
	}.Check(&upper)
	errs = append(errs, d.checkType(w)...)
	version, _ := w.Option(optionVersion)
	kazoo, _ := w.Option(optionKazoo)
	if version == "v2" && kazoo == "4" {
		errs = append(errs, switchhook.FieldError{
			Field: "dialect_options." + optionKazoo, Message: "Kazoo 4 has no payload version v2: expected 5, or leave it out",
		})
	}
	if _, signs := w.Option(optionKey); signs && cmp.Or(version, "v1") == "v1" {
		errs = append(errs, switchhook.FieldError{
			Field: "dialect_options." + optionKey, Message: `signs payloads of the version v2 only: set version to "v2", or leave it out`,
		})
	}
	return errs
}

func kazooVersion(value any) string {
	switch fmt.Sprint(value) {
	case "4", "5":
		return ""
	default:
		return "expected 4 or 5"
	}
}

func filled(value any) string {
	if s, ok := value.(string); ok && s != "" {
		return ""
	}
	return "expected a string that is not empty"
}

// checkType refuses a filter that no event passes, as Kazoo does: the type of a
// webhook on notifications or on objects alone must be one of theirs, or all.
func (d *Dialect) checkType(w *switchhook.Webhook) []switchhook.FieldError {
	want, ok := w.CustomData["type"]
	if !ok || want == "all" || want == "top_up" || len(w.Events) == 0 {
		return nil
	}
	var known []string
	for _, selector := range w.Events {
		hook, own := strings.CutPrefix(selector, "kazoo:")
		if !own || hook != "notifications" && hook != "object" {
			return nil // there it is data of the webhook's own
		}
		for _, row := range d.Table() {
			if typ, ok := strings.CutPrefix(row.Name, hook+"/"); ok && !slices.Contains(known, typ) {
				known = append(known, typ)
			}
		}
	}
	if slices.Contains(known, want) {
		return nil
	}
	return []switchhook.FieldError{{Field: "custom_data.type", Message: "expected all, or one of " + strings.Join(known, ", ")}}
}

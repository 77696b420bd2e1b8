package dialect

import (
	"maps"
	"slices"
	"strings"

	"github.com/switchhook/switchhook"
)

// Settings says which of a webhook's settings a dialect has. The zero value is
// a dialect that posts one fixed format and has no options.
type Settings struct {
	// Dialect is the dialect's name, for the sentences of errors.
	Dialect string
	// Formats are the values of format. None: format cannot be chosen.
	Formats []string
	// Methods are the values of method. None: only POST.
	Methods []string
	// Options are the known dialect_options, each with what says why a value
	// is wrong ("" if it is right). A nil function takes everything.
	Options map[string]func(value any) string
	// CustomData says that the dialect has custom_data and modifiers.
	CustomData bool
}

// OneOf checks an option that has one of some words; the first is the default.
func OneOf(usual string, others ...string) func(value any) string {
	return func(value any) string {
		if s, ok := value.(string); ok && (s == usual || slices.Contains(others, s)) {
			return ""
		}
		return `expected "` + usual + `" (the default) or "` + strings.Join(others, `" or "`) + `"`
	}
}

// Check names the settings of the webhook that the dialect does not have.
func (s Settings) Check(w *switchhook.Webhook) []switchhook.FieldError {
	var errs []switchhook.FieldError
	wrong := func(field, message string) {
		errs = append(errs, switchhook.FieldError{Field: field, Message: message})
	}
	switch {
	case w.Format == "" || slices.Contains(s.Formats, w.Format):
	case len(s.Formats) == 0:
		wrong("format", "in the dialect "+s.Dialect+" the format is fixed for each event; leave it out")
	default:
		wrong("format", "expected "+strings.Join(s.Formats, " or ")+" in the dialect "+s.Dialect)
	}
	methods := s.Methods
	if len(methods) == 0 {
		methods = []string{"POST"}
	}
	if w.Method != "" && !slices.Contains(methods, w.Method) {
		wrong("method", "expected "+strings.Join(methods, ", ")+" in the dialect "+s.Dialect)
	}
	if !s.CustomData {
		if len(w.CustomData) > 0 {
			wrong("custom_data", "only the dialect kazoo has it")
		}
		if len(w.Modifiers) > 0 {
			wrong("modifiers", "only the dialect kazoo has it")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.DialectOptions)) {
		check, known := s.Options[name]
		switch {
		case known && check != nil:
			if problem := check(w.DialectOptions[name]); problem != "" {
				wrong("dialect_options."+name, problem)
			}
		case known:
		case len(s.Options) == 0:
			wrong("dialect_options."+name, "the dialect "+s.Dialect+" has no options")
		default:
			wrong("dialect_options."+name, "the dialect "+s.Dialect+" has no such option; it has "+
				strings.Join(slices.Sorted(maps.Keys(s.Options)), ", "))
		}
	}
	return errs
}

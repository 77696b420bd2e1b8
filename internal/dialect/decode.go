package dialect

import (
	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/catalogue"
)

// Verbatim is for dialects that send an event's data as it is: nobody need decode it
// into Resources for them.
type Verbatim interface {
	// Verbatim does nothing; to have it is to say so.
	Verbatim()
}

// Reads reports whether a dialect reads an event's Resources, so that they are better
// decoded once, before it is asked about the event.
func Reads(d Dialect) bool {
	_, verbatim := d.(Verbatim)
	return !verbatim
}

// Decoded is the event with its Resources: the event itself where it has them, else
// a copy, since others may be reading it. What cannot be decoded has none. A dialect
// begins with it whatever it does with Resources: an event's are decoded when it is
// accepted only if a webhook's dialect reads them then, and a webhook can get another
// dialect while its deliveries wait.
func Decoded(ev *switchhook.Event) *switchhook.Event {
	if ev.Resources != nil {
		return ev
	}
	one := *ev
	var err error
	if one.Resources, err = catalogue.Decode(ev.Data); err != nil {
		one.Resources = &switchhook.Resources{}
	}
	return &one
}

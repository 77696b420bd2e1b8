package api

import (
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
)

// A Conditional is the part of a change's input that says what it is a change of, so
// that nobody overwrites what they have not seen (RFC 9110 13.1.1).
type Conditional struct {
	IfMatch string `header:"If-Match" doc:"The ETag of what was read. If it has changed since, nothing is done: 412."`
}

// A ChangeID names what is changed, and which version of it.
type ChangeID struct {
	PathID
	Conditional
}

// etag is the version of what was last changed at a time. No two versions have the same
// (see later). It names the settings: statistics change without it.
func etag(updated time.Time) string { return strconv.Quote(strconv.FormatInt(updated.UnixMicro(), 36)) }

// match refuses a change of another version than the one that is there. Nothing is there
// at the zero time.
func (c Conditional) match(updated time.Time) error {
	if c.IfMatch == "" {
		return nil
	}
	if updated.IsZero() {
		return switchhook.Errorf(codePreconditionFailed, "If-Match is %s, and there is no such thing", c.IfMatch)
	}
	return c.matchTag(etag(updated))
}

// matchTag refuses a change of another version than the one that an ETag names.
func (c Conditional) matchTag(have string) error {
	if c.IfMatch == "" {
		return nil
	}
	for tag := range strings.SplitSeq(c.IfMatch, ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || tag == have {
			return nil
		}
	}
	return switchhook.Errorf(codePreconditionFailed, "it has been changed since it was read: its ETag is %s, and If-Match is %s; read it again", have, c.IfMatch)
}

// later is the time of a change, after that of the one before whatever the clock says.
func later(before time.Time) time.Time {
	at := now()
	if !at.After(before) {
		return before.Add(time.Microsecond)
	}
	return at
}

// A tagged is an answer with the version of what it shows.
type tagged[T any] struct {
	ETag string `header:"ETag" doc:"The version, for If-Match."`
	Body T
}

func tag[T any](updated time.Time, body T) *tagged[T] { return &tagged[T]{etag(updated), body} }

package track

import (
	"slices"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
)

// A phase is how far a call or a leg has come. It only grows.
type phase int

const (
	begun phase = iota
	ringing
	answered
	over
)

// A call is what is believed of one: the legs that belong together.
type call struct {
	Key       string   `json:"key"`            // its first leg's id, which names the belief
	Ties      []string `json:"ties,omitzero"`  // what the system calls it
	Root      string   `json:"root,omitzero"`  // the first leg that is no device of the switch's own
	Account   string   `json:"acct,omitzero"`  // whose it is; set once it is told
	Direction string   `json:"dir,omitzero"`   //
	Decided   bool     `json:"dec,omitzero"`   // the direction is final
	Loose     bool     `json:"loose,omitzero"` // what ties its only leg to others is not known
	Told      bool     `json:"told,omitzero"`  // call.created was told
	Phase     phase    `json:"phase,omitzero"`
	Legs      []*leg   `json:"legs,omitzero"` // those that live, and the root
	Gone      []string `json:"gone,omitzero"` // the ids of others, the newest

	AnsweredBy string    `json:"by,omitzero"`
	AnsweredAt time.Time `json:"ans,omitzero"`
	Human      bool      `json:"human,omitzero"`   // somebody answered
	Taken      time.Time `json:"taken,omitzero"`   // when somebody did last
	Met        bool      `json:"met,omitzero"`     // the caller was in a conference or sent a fax
	Failure    string    `json:"fail,omitzero"`    // how the last attempt to reach somebody ended
	LastEnd    time.Time `json:"lastend,omitzero"` // of a further leg
	LastBy     string    `json:"lastby,omitzero"`  // who hung up then
	LeftEarly  bool      `json:"early,omitzero"`   // the root's end was told before the call's
	Forwarded  bool      `json:"fwd,omitzero"`

	Queues      []*queueCall `json:"queues,omitzero"`
	Queued      int          `json:"queued,omitzero"` // how often somebody joined a queue
	Abandoned   bool         `json:"aband,omitzero"`
	MessageLeft bool         `json:"vm,omitzero"`
	Records     []record     `json:"cdrs,omitzero"` // to be told after its end
	Missing     *missing     `json:"miss,omitzero"` // to be told in a moment

	Last  time.Time `json:"last,omitzero"` // what was told last
	Heard time.Time `json:"heard"`         // the newest fact
	Over  time.Time `json:"over,omitzero"` // the switch says that it is
	Ended time.Time `json:"ended,omitzero"`
}

// A leg is what is believed of one.
type leg struct {
	ID       string            `json:"id"`
	Channel  string            `json:"ch,omitzero"`
	Device   string            `json:"dev,omitzero"`
	Trunk    bool              `json:"trunk,omitzero"`
	Outbound bool              `json:"out,omitzero"`
	Hidden   bool              `json:"hid,omitzero"`
	Twin     string            `json:"twin,omitzero"`
	Number   string            `json:"num,omitzero"`   // at its end: a telephone number, or the extension
	Name     string            `json:"name,omitzero"`  // that it shows
	Own      string            `json:"own,omitzero"`   // the name that it showed first
	Shown    string            `json:"shown,omitzero"` // the number that it showed first
	Dialed   string            `json:"dialed,omitzero"`
	Context  string            `json:"ctx,omitzero"`
	Code     string            `json:"code,omitzero"` // the account code
	Account  string            `json:"acct,omitzero"` // whose it is, as the system says
	Later    bool              `json:"late,omitzero"` // that is said later
	SIP      string            `json:"sip,omitzero"`  // the Call-ID
	Vars     map[string]string `json:"vars,omitzero"`
	Tie      string            `json:"tie,omitzero"`
	More     *switchhook.Call  `json:"more,omitzero"` // what else is told of it, until it is

	Started   time.Time `json:"at"`
	Phase     phase     `json:"phase,omitzero"`
	Up        time.Time `json:"up,omitzero"`   // since when the system says so, though maybe nobody has answered
	Rang      bool      `json:"rang,omitzero"` // before it was answered
	From      string    `json:"from,omitzero"` // who dialled it
	Dialling  bool      `json:"open,omitzero"` // and has no answer yet
	Outcome   string    `json:"outc,omitzero"`
	InGroup   bool      `json:"grp,omitzero"`   // it dialled a ring group, which was told
	Spoke     bool      `json:"spoke,omitzero"` // somebody answered at its extension
	Bridge    string    `json:"br,omitzero"`
	Apart     bool      `json:"apart,omitzero"` // nobody is heard in that bridge, or many in a room
	Peer      string    `json:"peer,omitzero"`  // whom it was last told to be bridged with
	Held      bool      `json:"held,omitzero"`
	Leaving   bool      `json:"leav,omitzero"` // it has transferred the call
	Parked    *slot     `json:"park,omitzero"`
	Recording []string  `json:"recs,omitzero"`
	Faxed     string    `json:"fax,omitzero"` // what was told of a fax
	Key       string    `json:"key,omitzero"` // that was pressed last
	KeyAt     time.Time `json:"keyat,omitzero"`
	End       *ending   `json:"end,omitzero"`
	Record    *onRecord `json:"cdr,omitzero"` // of its end, until that is told

	call *call
}

// An ending is how a leg ended.
type ending struct {
	At         time.Time `json:"at"`
	Q850       int       `json:"q850,omitzero"`
	SIPStatus  int       `json:"sip,omitzero"`
	By         string    `json:"by,omitzero"`  // the channel that hung up first
	Unsaid     bool      `json:"uns,omitzero"` // the system does not tell who did
	Alerts     bool      `json:"alr,omitzero"` // it may tell by itself that the call was missed
	Reconciled bool      `json:"rec,omitzero"`
	Lost       bool      `json:"lost,omitzero"`

	More *switchhook.Call `json:"more,omitzero"` // what the system tells of it
}

func (c *call) beliefID() string { return "call/" + c.Key }

// root is the first leg, which may have ended.
func (c *call) root() *leg {
	for _, l := range c.Legs {
		if l.ID == c.Root {
			return l
		}
	}
	return nil
}

// lives reports whether a leg is up that is not hidden, or one that is.
func (c *call) lives(hidden bool) bool {
	return slices.ContainsFunc(c.Legs, func(l *leg) bool { return l.Hidden == hidden && l.Phase < over })
}

// reach takes a call or leg to a phase, and reports whether it had not come that far.
func (p *phase) reach(next phase) bool {
	if *p >= next {
		return false
	}
	*p = next
	return true
}

// isRoot reports whether the leg is its call's first.
func (l *leg) isRoot() bool { return l.call.Root == l.ID }

// phone reports whether it was made to ring at an extension.
func (l *leg) phone() bool { return !l.Trunk && !l.Hidden && l.Outbound }

// mostGone is how many of a call's former legs are remembered: queues can ring for hours.
// mostPast and pastAge bound for how long calls are remembered after their end.
const (
	mostGone = 60
	mostPast = 2000
	pastAge  = 10 * time.Minute
)

// newCall opens a call for its first leg.
func (t *Tracker) newCall(l *leg) *call {
	c := &call{Key: l.ID}
	t.all[c.Key] = c
	t.tie(c, l.Tie)
	return c
}

// tie lets a system's name for a call mean this one.
func (t *Tracker) tie(c *call, name string) {
	if old := t.calls[name]; old != nil && old != c {
		old.Ties = slices.DeleteFunc(old.Ties, func(s string) bool { return s == name })
		t.touch(old)
	}
	t.calls[name] = c
	if !slices.Contains(c.Ties, name) {
		c.Ties = append(c.Ties, name)
	}
}

// add makes a leg one of the call's.
func (t *Tracker) add(c *call, l *leg) {
	l.call = c
	c.Legs = append(c.Legs, l)
	t.legs[l.ID] = l
	if c.Root == "" && !l.Hidden {
		c.Root = l.ID
	}
}

// remove takes a leg out of its call, which remembers it if it is over.
func (t *Tracker) remove(l *leg) {
	c := l.call
	c.Legs = slices.DeleteFunc(c.Legs, func(o *leg) bool { return o == l })
	if l.Phase < over {
		return
	}
	t.enter(l, "")
	delete(t.legs, l.ID)
	c.Gone = append(c.Gone, l.ID)
	t.gone[l.ID] = c
	for len(c.Gone) > mostGone {
		delete(t.gone, c.Gone[0])
		c.Gone = c.Gone[1:]
	}
}

// live is a leg that has not ended, nil if there is none. Its call has been heard of.
func (t *Tracker) live(id string, at source.When) *leg {
	l := t.legs[id]
	if l == nil || l.Phase == over {
		return nil
	}
	l.call.hear(at.At())
	return l
}

func (c *call) hear(at time.Time) {
	if at.After(c.Heard) {
		c.Heard = at
	}
}

// callOf is the call that a leg belongs to or belonged to, nil if there is none.
func (t *Tracker) callOf(id string) *call {
	if l := t.legs[id]; l != nil {
		return l.call
	}
	return t.gone[id]
}

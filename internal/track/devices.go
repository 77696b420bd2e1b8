package track

import (
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook"
	"github.com/switchhook/switchhook/internal/source"
)

// A device is believed to be registered with contacts. It is so from the first one to the
// last one.
type device struct {
	Name     string   `json:"name"` // with its domain, if it has one
	Contacts []string `json:"contacts"`
}

func (d *device) beliefID() string { return "device/" + d.Name }

func (t *Tracker) registered(f *source.Registered) {
	if f.Device == "" {
		return
	}
	name := nameOf(f)
	d := t.devices[name]
	known := d != nil && slices.Contains(d.Contacts, f.Contact)
	switch {
	case f.Status == "failed":
		t.registrationFailed(f)
	case f.Status == "registered" && d == nil:
		d = &device{name, []string{f.Contact}}
		t.devices[d.Name] = d
		t.touch(d)
		t.tellDevice(f, "registered")
	case f.Status == "registered" && !known:
		d.Contacts = append(d.Contacts, f.Contact)
		t.touch(d)
	case f.Status == "deregistered" && d != nil && (known || f.Contact == ""):
		d.Contacts = slices.DeleteFunc(d.Contacts, func(c string) bool { return c == f.Contact || f.Contact == "" })
		t.touch(d)
		if len(d.Contacts) == 0 {
			delete(t.devices, d.Name)
			t.forget(d)
			t.tellDevice(f, "deregistered")
		}
	}
}

// nameOf is user@domain for a phone of a domain.
func nameOf(f *source.Registered) string {
	if f.Domain == "" {
		return f.Device
	}
	return f.Device + "@" + f.Domain
}

func (t *Tracker) tellDevice(f *source.Registered, what string) {
	name := nameOf(f)
	account := t.ownerOf("device", name, "device", f.Device, "extension", f.Device)
	d := &switchhook.Device{
		ID: t.recordID(account, "device", name, f.Device), Username: f.Device, Realm: f.Domain, Contact: f.Contact, UserAgent: f.UserAgent,
		NetworkIP: f.IP, NetworkPort: f.Port, Expires: f.Expires, Status: f.Reason, RegisteredAt: f.At(),
	}
	if d.Status == "" {
		d.Status = map[string]string{"registered": "Registered", "deregistered": "Unregistered", "registration_failed": "Failed"}[what]
	}
	if what == "deregistered" && d.Expires == nil {
		d.Expires = new(int64)
	}
	t.event(account, "device."+what, f.At(), &switchhook.Resources{Device: d}, name, f.IP, stamp(f.At()))
}

// failures are the last registrations that failed. A phone with a wrong password tries
// again and again, and so does whoever guesses one.
type failures struct{ last []failure }

type failure struct {
	device, ip string
	at         time.Time
}

const (
	failAgain    = time.Minute
	mostFailures = 500
)

func (t *Tracker) registrationFailed(f *source.Registered) {
	list := &t.failures.last
	i := slices.IndexFunc(*list, func(o failure) bool { return o.device == nameOf(f) && o.ip == f.IP })
	if i >= 0 {
		if f.At().Sub((*list)[i].at).Abs() < failAgain {
			return
		}
		*list = slices.Delete(*list, i, i+1)
	}
	*list = append(*list, failure{nameOf(f), f.IP, f.At()})
	*list = (*list)[max(0, len(*list)-mostFailures):]
	t.tellDevice(f, "registration_failed")
}

// devicesPresent takes a list of all devices that are registered in place of what was
// believed.
func (t *Tracker) devicesPresent(list []source.Registered, at time.Time) {
	for i := range list {
		t.registered(&list[i])
	}
	for _, name := range sortedKeys(t.devices) {
		for _, contact := range slices.Clone(t.devices[name].Contacts) {
			if !slices.ContainsFunc(list, func(f source.Registered) bool { return nameOf(&f) == name && f.Contact == contact }) {
				user, domain, _ := strings.Cut(name, "@")
				t.registered(&source.Registered{When: source.When(at), Device: user, Domain: domain, Contact: contact, Status: "deregistered"})
			}
		}
	}
}

package freeswitch

import (
	"maps"
	"testing"
	"time"

	"github.com/switchhook/switchhook/internal/source"
	"github.com/switchhook/switchhook/internal/source/sourcetest"
)

// incoming is the beginning of a call from outside, and more of the same channel.
func incoming(more Message) Message {
	m := Message{
		"Event-Name": "CHANNEL_CREATE", "Unique-ID": "a", "Channel-Name": "sofia/external/49170@carrier.example", "Call-Direction": "inbound", "Caller-Context": "public",
		"Caller-Caller-ID-Number": "49170", "Caller-Destination-Number": "4930906", "Caller-Channel-Created-Time": "1795170000000000",
	}
	maps.Copy(m, more)
	return m
}

func translated(t *translator, all ...Message) (facts []source.Fact) {
	for _, m := range all {
		facts = append(facts, t.translate(m, received())...)
	}
	return facts
}

// A menu leads to a fax, and FreeSWITCH overwrites what was called and who calls. Where the
// file is, it says at the end; there it says it all again to whoever missed the fax.
func TestFaxIsOfTheNumberThatWasCalled(t *testing.T) {
	t.Parallel()
	overwritten := Message{"Caller-Destination-Number": "fax", "Caller-Caller-ID-Number": "fax", "Caller-Transfer-Source": "1:a:bl_xfer:fax/default/XML", "Caller-RDNIS": "4930906"}
	result := incoming(overwritten)
	maps.Copy(result, Message{"Event-Name": "CUSTOM", "Event-Subclass": "spandsp::rxfaxresult", "fax-success": "1", "fax-result-text": "OK", "fax-document-transferred-pages": "2"})
	end := incoming(overwritten)
	maps.Copy(end, Message{
		"Event-Name": "CHANNEL_HANGUP_COMPLETE", "Answer-State": "hangup", "variable_fax_success": "1", "variable_fax_result_text": "OK",
		"variable_fax_document_transferred_pages": "2", "variable_fax_filename": "/tmp/in.tif",
	})
	hold := incoming(overwritten)
	hold["Event-Name"], hold["Answer-State"] = "CHANNEL_HOLD", "answered"
	withFile := maps.Clone(result)
	withFile["variable_fax_filename"] = "/tmp/in.tif"
	for name, all := range map[string][]Message{
		"at the end": {incoming(nil), result, end}, "at once": {incoming(nil), withFile, end}, "missed": {incoming(nil), end}, "we came late": {hold, end},
	} {
		var faxes []source.FaxEnded
		for _, f := range translated(newTranslator(&Options{}, nil), all...) {
			if f, is := f.(source.FaxEnded); is {
				faxes = append(faxes, f)
			}
		}
		if len(faxes) != 1 {
			t.Errorf("%s: told of %d faxes", name, len(faxes))
			continue
		}
		f := faxes[0]
		if f.File != "/tmp/in.tif" || f.LocalNumber != "4930906" || !f.OK || f.Sent || f.Pages != 2 || name != "we came late" && f.CallerOrCallee.Number != "49170" {
			t.Errorf("%s: %s", name, sourcetest.Fact(f))
		}
	}
}

// A leg has ended when somebody hung up, not when the dial plan's hooks have run.
func TestEndsAreWhenSomebodyHungUp(t *testing.T) {
	t.Parallel()
	for at, want := range map[string]int64{"1795170009000000": 9, "": 12, "0": 12, "1795170013000000": 12} {
		end := incoming(Message{"Event-Name": "CHANNEL_HANGUP_COMPLETE", "Event-Date-Timestamp": "1795170012000000", "Caller-Channel-Hangup-Time": at})
		facts := translated(newTranslator(&Options{}, nil), incoming(nil), end)
		if got := facts[len(facts)-1].At(); !got.Equal(time.Unix(1795170000+want, 0)) {
			t.Errorf("%q: %v", at, got)
		}
	}
}

// In the list of channels, the identity of a caller stands who does not want to be known.
func TestTheListHidesWhoIsAnonymous(t *testing.T) {
	t.Parallel()
	p := newPresent(newTranslator(&Options{}, nil))
	err := p.channels(`{"rows":[{"uuid":"a","direction":"inbound","name":"sofia/external/Anonymous@anonymous.invalid","cid_num":"49170","cid_name":"Alice","dest":"4930900","callstate":"ACTIVE"}]}`, source.When(received()))
	if l := p.fact(received()).Legs[0]; err != nil || l.Caller != (source.Line{}) || l.Dialed != "4930900" {
		t.Errorf("%s, %v", sourcetest.Fact(l), err)
	}
}

// A text is of the tenant whose telephone sends it, or gets it.
func TestTextsHaveATenant(t *testing.T) {
	t.Parallel()
	tr := newTranslator(&Options{}, map[string]string{"a.example": "a", "b.example": "b"})
	for i, m := range []Message{
		{"from": "101@a.example", "to": "102@b.example", "sip_profile": "internal"},
		{"from": `"Ann" <sip:101@a.example:5060;user=phone>`, "to": "x", "sip_profile": "internal"},
		{"from": "49170@carrier", "to": "101@b.example", "sip_profile": "external"},
		{"from": "49170", "to": "101", "sip_profile": "external"},
	} {
		m["Event-Name"], m["Event-Sequence"] = "MESSAGE", string(rune('0'+i))
		if f := translated(tr, m)[0].(source.Texted); f.Account != []string{"a", "a", "b", ""}[i] {
			t.Errorf("%v is of %q", m, f.Account)
		}
	}
}

package kazoobus

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/source"
)

func kazooID(n int) string { return fmt.Sprintf("%032x", n) }

// What messages tell of accounts.
func TestTenant(t *testing.T) {
	t.Parallel()
	const head = `{"App-Name":"x","Msg-ID":"1","Event-Category":`
	one, two, three := kazooID(1), kazooID(2), kazooID(3)
	tr := newTranslator(&Options{MaxAccounts: 7}, map[string]string{three: "top"})
	for _, c := range []struct {
		what, message string
		want          string // id, name, realm, above
	}{
		{
			"a channel's", `"call_event","Event-Name":"CHANNEL_CREATE","Call-ID":"a","Call-Direction":"inbound","Custom-Channel-Vars":{"Account-ID":"` + one + `","Account-Name":"One","Account-Realm":"one.example","Reseller-ID":"` + two + `"}}`,
			one + ` "One" "one.example" [` + two + "]",
		},
		{"a reseller, which is its own", `"call_event","Event-Name":"CHANNEL_CREATE","Call-ID":"a","Call-Direction":"inbound","Custom-Channel-Vars":{"Account-ID":"` + one + `","Reseller-ID":"` + one + `"}}`, one + ` "" "" []`},
		{"a channel of a carrier", `"call_event","Event-Name":"CHANNEL_CREATE","Call-ID":"a","Call-Direction":"inbound"}`, ""},
		{"what is another's in the variables", `"notification","Event-Name":"low_balance","Account-ID":"` + one + `","Current-Balance":1,"Custom-Channel-Vars":{"Account-ID":"` + two + `","Account-Name":"Two"}}`, one + ` "" "" []`},
		{"a new one", `"notification","Event-Name":"new_account","Account-ID":"` + one + `","Account-Name":"One","Account-Realm":"one.example"}`, one + ` "One" "one.example" []`},
		{"a registration", `"directory","Event-Name":"reg_success","Account-ID":"` + one + `","Realm":"one.example","Username":"u","Contact":"c","Expires":60,"Event-Timestamp":63960000000,"Custom-Channel-Vars":{"Account-ID":"` + one + `","Account-Name":"One"}}`, one + ` "One" "" []`},
		{"its document, as Kazoo 3 sent it", `"configuration","Event-Name":"doc_edited","Type":"account","ID":"` + one + `","Account-ID":"` + one + `","Database":"accounts","Doc":{"name":"One","realm":"one.example","pvt_tree":["` + three + `","` + two + `"]}}`, one + ` "One" "one.example" [top ` + two + "]"},
		{"its document, as Kazoo 4 does", `"configuration","Event-Name":"doc_edited","Type":"account","ID":"` + one + `","Account-ID":"` + one + `","Database":"accounts"}`, one + ` "" "" []`},
		{"its end", `"configuration","Event-Name":"doc_deleted","Type":"account","ID":"` + one + `","Account-ID":"` + one + `","Database":"accounts"}`, ""},
		{"its soft end", `"configuration","Event-Name":"doc_edited","Is-Soft-Deleted":true,"Type":"account","ID":"` + one + `","Account-ID":"` + one + `","Database":"accounts"}`, ""},
		{"its end in Kazoo 5", `"notification","Event-Name":"account_deleted","Account-ID":"` + one + `","Account-Name":"One","Parent-ID":"` + two + `"}`, ""},
		{"one that is mapped", `"notification","Event-Name":"low_balance","Account-ID":"` + three + `","Current-Balance":1}`, ""},
		{"what is no id of Kazoo's", `"notification","Event-Name":"low_balance","Account-ID":"root","Current-Balance":1}`, ""},
		{"a database's", `"configuration","Event-Name":"doc_edited","Type":"device","ID":"d","Database":"account%2F` + one[:2] + "%2F" + one[2:4] + "%2F" + one[4:] + `-202611"}`, one + ` "" "" []`},
	} {
		facts, err := tr.translate([]byte(head+c.message), received())
		if err != nil || len(facts) == 0 {
			t.Fatalf("%s: %v %v", c.what, facts, err)
		}
		got := ""
		if f, ok := facts[0].(source.Tenant); ok {
			got = fmt.Sprintf("%s %q %q %v", f.ID, f.Name, f.Realm, f.Above)
			if len(facts) == 1 || f.Most != 7 {
				t.Errorf("%s: %+v", c.what, facts)
			}
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.what, d)
		}
	}
	tr = newTranslator(&Options{MakeAccounts: new(false), MaxAccounts: 7}, nil)
	if facts, err := tr.translate([]byte(head+`"notification","Event-Name":"low_balance","Account-ID":"`+one+`","Current-Balance":1}`), received()); err != nil || len(facts) != 1 {
		t.Errorf("the operator said no: %v %v", facts, err)
	}
}

// An account is told once, and again where more is known of it.
func TestTenantsNews(t *testing.T) {
	t.Parallel()
	known := tenants{}
	var got []string
	for _, f := range []source.Tenant{
		{ID: "a"},
		{ID: "a"},
		{ID: "a", Name: "A"},
		{ID: "a", Name: "B"},
		{ID: "a", Above: []string{"x"}},
		{ID: "a", Realm: "r"},
		{ID: "b"},
		{ID: "a", Above: []string{"y"}},
		{ID: "a", Above: []string{"y", "x"}},
	} {
		f.Most = 3
		if facts := known.news([]source.Fact{f, source.LegRinging{}}); len(facts) == 2 {
			f, _ := facts[0].(source.Tenant)
			got = append(got, fmt.Sprintf("%s%s%s%v", f.ID, f.Name, f.Realm, f.Above))
		} else if len(facts) != 1 {
			t.Errorf("%v", facts)
		}
	}
	if d := cmp.Diff("a[] aA[] aA[x] aAr[x] b[] aAr[y x]", strings.Join(got, " ")); d != "" {
		t.Error(d)
	}
	told := 0
	for n := range 2 * beyond {
		told += len(known.news([]source.Fact{source.Tenant{ID: kazooID(n), Most: 3}}))
	}
	if told != 3+beyond-2 || len(known) != 3+beyond {
		t.Errorf("%d of accounts without end are told", told)
	}
}

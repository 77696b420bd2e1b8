package switchhook

// Why says what stands between a webhook, as it is set up, and an event.
type Why string

// What can stand there.
const (
	WhyNothing     Why = "nothing"      // the webhook wants the event
	WhySubaccount  Why = "subaccount"   // the event is of an account below, which the webhook does not include
	WhyFlow        Why = "flow"         // it is the webhook of call flows, and the event is no request of one
	WhyType        Why = "type"         // its events do not select the type
	WhyDialect     Why = "dialect"      // its dialect has nothing for the event
	WhyInternalLeg Why = "internal_leg" // the event is of a leg inside the switch
	WhyScope       Why = "scope"        // the event is not of its numbers, extensions, ring groups or queues
	WhySettings    Why = "settings"     // its settings of its dialect leave the event out
	WhyFilter      Why = "filter"       // its filter is not true of the event
	WhyFilterError Why = "filter_error" // its filter cannot say
)

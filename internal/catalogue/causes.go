package catalogue

// A cause is why a call ended: its Q.850 value, where it has one, and our word for
// it.
type cause struct {
	q850   int
	reason string
}

// causes are the hangup causes by name: those of ITU-T Q.850, and FreeSWITCH's own
// (switch_channel.c), which have no value there. Those that are not here are failures.
//
//nolint:gochecknoglobals // a constant table
var causes = map[string]cause{
	"UNALLOCATED_NUMBER":        {1, "unallocated"},
	"NO_ROUTE_DESTINATION":      {3, "failed"},
	"NORMAL_CLEARING":           {16, "normal"},
	"USER_BUSY":                 {17, "busy"},
	"NO_USER_RESPONSE":          {18, "no_answer"},
	"NO_ANSWER":                 {19, "no_answer"},
	"SUBSCRIBER_ABSENT":         {20, "unregistered"},
	"CALL_REJECTED":             {21, "rejected"},
	"NUMBER_CHANGED":            {22, "unallocated"},
	"DESTINATION_OUT_OF_ORDER":  {27, "failed"},
	"INVALID_NUMBER_FORMAT":     {28, "unallocated"},
	"FACILITY_REJECTED":         {29, "rejected"},
	"NORMAL_UNSPECIFIED":        {31, "normal"},
	"NORMAL_CIRCUIT_CONGESTION": {34, "congestion"},
	"NETWORK_OUT_OF_ORDER":      {38, "failed"},
	"NORMAL_TEMPORARY_FAILURE":  {41, "failed"},
	"SWITCH_CONGESTION":         {42, "congestion"},
	"REQUESTED_CHAN_UNAVAIL":    {44, "congestion"},
	"OUTGOING_CALL_BARRED":      {52, "rejected"},
	"INCOMING_CALL_BARRED":      {54, "rejected"},
	"SERVICE_UNAVAILABLE":       {63, "congestion"},
	"INCOMPATIBLE_DESTINATION":  {88, "failed"},
	"RECOVERY_ON_TIMER_EXPIRE":  {102, "timeout"},
	"INTERWORKING":              {127, "failed"},
	"ORIGINATOR_CANCEL":         {0, "cancelled"},
	"LOSE_RACE":                 {0, "answered_elsewhere"},
	"PICKED_OFF":                {0, "answered_elsewhere"},
	"ALLOTTED_TIMEOUT":          {0, "timeout"},
	"PROGRESS_TIMEOUT":          {0, "timeout"},
	"MEDIA_TIMEOUT":             {0, "lost"},
	"USER_NOT_REGISTERED":       {0, "unregistered"},
	"ATTENDED_TRANSFER":         {0, "normal"},
	"BLIND_TRANSFER":            {0, "normal"},
}

// HangupCause returns the Q.850 value of a hangup cause, 0 where it has none, and
// the hangup_reason that it comes down to.
func HangupCause(name string) (q850 int, reason string) {
	c, ok := causes[name]
	if !ok {
		return 0, "failed"
	}
	return c.q850, c.reason
}

// CauseOfReason returns the hangup cause that a hangup_reason is most likely to have
// come from; "" where there is none.
func CauseOfReason(reason string) string {
	switch reason {
	case "normal":
		return "NORMAL_CLEARING"
	case "busy":
		return "USER_BUSY"
	case "no_answer":
		return "NO_ANSWER"
	case "cancelled", "abandoned":
		return "ORIGINATOR_CANCEL"
	case "rejected":
		return "CALL_REJECTED"
	case "unregistered":
		return "USER_NOT_REGISTERED"
	case "unallocated":
		return "UNALLOCATED_NUMBER"
	case "congestion":
		return "NORMAL_CIRCUIT_CONGESTION"
	case "answered_elsewhere":
		return "LOSE_RACE"
	case "timeout":
		return "RECOVERY_ON_TIMER_EXPIRE"
	case "amd": // a machine answered, and was left
		return "NORMAL_CLEARING"
	case "lost":
		return "MEDIA_TIMEOUT"
	case "failed", "dialout":
		return "NORMAL_TEMPORARY_FAILURE"
	default:
		return ""
	}
}

// CauseName returns the name of a Q.850 value, and "" for one that has none here.
func CauseName(q850 int) string {
	if q850 == 26 { // Asterisk's: answered elsewhere. FreeSWITCH has it without a value.
		return "LOSE_RACE"
	}
	for name, c := range causes {
		if c.q850 == q850 && q850 != 0 {
			return name
		}
	}
	return ""
}

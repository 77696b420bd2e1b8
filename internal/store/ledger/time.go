package ledger

import (
	"math"
	"time"
)

// noTime is how the zero time is kept. 0 is a time: 1970.
const noTime = math.MinInt64

// micros is how times are kept.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return noTime
	}
	return t.UnixMicro()
}

func fromMicros(n int64) time.Time {
	if n == noTime {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

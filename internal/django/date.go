package django

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// timeOf is a value as a time: a time, a text as RFC 3339 has it or without its zone, or a
// number of seconds since 1970, or since the year 0, which Kazoo counts from, or an object with
// a local time. What has no zone is meant in that of the rendering.
func (r *run) timeOf(v any) (time.Time, bool) {
	switch t := v.(type) {
	case time.Time:
		return t, !t.IsZero() && t.Year() >= 0 && t.Year() <= 9999
	case string:
		if form := written(t); form != "" {
			r.room(256)
			r.step(4)
			parsed, err := time.ParseInLocation(form, t, r.now.Location())
			return parsed, err == nil
		}
		if len(t) < 9 || len(t) > 40 {
			return time.Time{}, false // a number so small is a year or the like
		}
	case Trusted:
		return r.timeOf(string(t))
	case map[string]any, Object:
		return r.local(t)
	}
	n, ok := numberOf(v)
	if !ok || math.Abs(n.float()) > 1e17 {
		return time.Time{}, false
	}
	return r.moment(n)
}

// local is the time that an object stands for. Kazoo has times as objects with the members
// local and utc, and had them as times before: templates from then say date_called|date.
func (r *run) local(object any) (time.Time, bool) {
	t, ok := r.member(object, "local").(time.Time)
	return t, ok
}

// written tells how a time is written by where its signs stand; empty: it is none.
func written(s string) string {
	switch {
	case len(s) < len(time.DateOnly) || len(s) > 40:
	case s[3] == ',' && strings.HasSuffix(s, "T"):
		return time.RFC1123
	case s[3] == ',':
		return time.RFC1123Z
	case s[4] != '-' || s[7] != '-':
	case len(s) == len(time.DateOnly):
		return time.DateOnly
	case len(s) == len("2006-01-02 15:04"):
		return "2006-01-02" + s[10:11] + "15:04"
	case strings.ContainsAny(s[10:], "Z+-"):
		return "2006-01-02" + s[10:11] + "15:04:05Z07:00"
	default:
		return "2006-01-02" + s[10:11] + "15:04:05"
	}
	return ""
}

// moment is a number as a time. Which unit it has is told by its size.
func (r *run) moment(n number) (time.Time, bool) {
	const gregorian = 62_167_219_200 // 1970, in seconds since the year 0
	whole := math.Floor(n.float())
	seconds, part := int64(whole), time.Duration((n.float()-whole)*1e9)
	var t time.Time
	switch size := math.Abs(whole); {
	case size >= 1e14:
		t = time.UnixMicro(seconds)
	case size >= 1e12:
		t = time.UnixMilli(seconds)
	case seconds > 62_000_000_000:
		t = time.Unix(seconds-gregorian, int64(part))
	default:
		t = time.Unix(seconds, int64(part))
	}
	t = t.In(r.now.Location())
	return t, t.Year() >= 0 && t.Year() <= 9999
}

func date(r *run, in, arg any) any {
	t, ok := r.timeOf(in)
	if !ok {
		return ""
	}
	return like(arg, r.format(t, r.given(arg, "")))
}

func timeOfDay(r *run, in, arg any) any {
	if !truth(arg) {
		arg = Trusted("f a")
	}
	return date(r, in, arg)
}

func utc(r *run, in, _ any) any {
	if t, ok := r.timeOf(in); ok {
		return t.UTC()
	}
	return nil
}

func localtime(r *run, in, _ any) any {
	if t, ok := r.timeOf(in); ok {
		return t.In(r.now.Location())
	}
	return nil
}

// format writes a time as PHP, Django and ErlyDTL do: each letter stands for a part of it, a
// backslash before one takes that away.
func (r *run) format(t time.Time, layout string) string {
	switch layout {
	case "", "DATE_FORMAT":
		layout = "F j, Y"
	case "DATETIME_FORMAT":
		layout = "F j, Y, f a"
	case "TIME_FORMAT":
		layout = "f a"
	case "SHORT_DATE_FORMAT":
		layout = "m/d/Y"
	case "SHORT_DATETIME_FORMAT":
		layout = "m/d/Y f a"
	}
	b := r.buffer()
	escaped := false
	for _, c := range layout {
		r.step(1)
		switch {
		case escaped:
			b.writeRune(c)
			escaped = false
		case c == '\\':
			escaped = true
		default:
			part, ok := ofDate(t, c)
			if !ok {
				part, ok = ofTime(t, c)
			}
			if !ok {
				b.writeRune(c)
				break
			}
			r.room(len(part))
			b.write(part)
		}
	}
	return b.String()
}

// ofDate is what a letter stands for among days, weeks, months and years.
func ofDate(t time.Time, c rune) (string, bool) {
	year, week := t.ISOWeek()
	switch c {
	case 'd':
		return t.Format("02"), true
	case 'j':
		return strconv.Itoa(t.Day()), true
	case 'D':
		return t.Format("Mon"), true
	case 'l':
		return t.Weekday().String(), true
	case 'S':
		return suffix(t.Day()), true
	case 'w':
		return strconv.Itoa(int(t.Weekday())), true
	case 'z':
		return strconv.Itoa(t.YearDay()), true
	case 'W':
		return strconv.Itoa(week), true
	case 'm':
		return t.Format("01"), true
	case 'n':
		return strconv.Itoa(int(t.Month())), true
	case 'M':
		return t.Format("Jan"), true
	case 'b':
		return strings.ToLower(t.Format("Jan")), true
	case 'F', 'E':
		return t.Month().String(), true
	case 'N':
		return associatedPress(t.Month()), true
	case 't':
		return strconv.Itoa(time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()), true
	case 'L':
		if time.Date(t.Year(), 12, 31, 0, 0, 0, 0, time.UTC).YearDay() == 366 {
			return "True", true
		}
		return "False", true
	case 'o':
		return strconv.Itoa(year), true
	case 'Y':
		return fmt.Sprintf("%04d", t.Year()), true
	case 'y':
		return t.Format("06"), true
	}
	return "", false
}

// ofTime is what a letter stands for among hours, minutes, seconds and zones, and the whole.
func ofTime(t time.Time, c rune) (string, bool) {
	_, offset := t.Zone()
	switch c {
	case 'a':
		return strings.ToLower(t.Format("PM")[:1]) + ".m.", true
	case 'A':
		return t.Format("PM"), true
	case 'B': // Swatch's beats, in PHP
		return fmt.Sprintf("%03d", (t.Unix()+3600)%86400*1000/86400), true
	case 'f':
		return clock(t), true
	case 'P':
		return spoken(t), true
	case 'g':
		return t.Format("3"), true
	case 'G':
		return strconv.Itoa(t.Hour()), true
	case 'h':
		return t.Format("03"), true
	case 'H':
		return t.Format("15"), true
	case 'i':
		return t.Format("04"), true
	case 's':
		return t.Format("05"), true
	case 'u':
		return fmt.Sprintf("%06d", t.Nanosecond()/1000), true
	case 'v':
		return fmt.Sprintf("%03d", t.Nanosecond()/1_000_000), true
	case 'e':
		return zoneName(t), true
	case 'T':
		return zone(t), true
	case 'I':
		if t.IsDST() {
			return "1", true
		}
		return "0", true
	case 'O':
		return t.Format("-0700"), true
	case 'Z':
		return strconv.Itoa(offset), true
	case 'U':
		return strconv.FormatInt(t.Unix(), 10), true
	case 'c':
		return t.Format("2006-01-02T15:04:05.999999-07:00"), true
	case 'r':
		return t.Format(time.RFC1123Z), true
	}
	return "", false
}

func suffix(day int) string {
	if day/10 == 1 {
		return "th"
	}
	switch day % 10 {
	case 1:
		return "st"
	case 2:
		return "nd"
	case 3:
		return "rd"
	}
	return "th"
}

// associatedPress shortens a month as the Associated Press does.
func associatedPress(m time.Month) string {
	switch m {
	case time.March, time.April, time.May, time.June, time.July:
		return m.String()
	case time.September:
		return "Sept."
	case time.January, time.February, time.August, time.October, time.November, time.December:
	}
	return m.String()[:3] + "."
}

// clock is 1:30, and 1 at full hours.
func clock(t time.Time) string {
	if t.Minute() == 0 {
		return t.Format("3")
	}
	return t.Format("3:04")
}

// spoken is 1:30 p.m., noon or midnight.
func spoken(t time.Time) string {
	if t.Minute() == 0 && t.Hour() == 0 {
		return "midnight"
	}
	if t.Minute() == 0 && t.Hour() == 12 {
		return "noon"
	}
	return clock(t) + " " + strings.ToLower(t.Format("PM")[:1]) + ".m."
}

// zone is such as CET, or +0100 where there is no name.
func zone(t time.Time) string {
	name, offset := t.Zone()
	if name == "" || name[0] == '+' || name[0] == '-' {
		if offset == 0 {
			return "UTC"
		}
		return t.Format("-0700")
	}
	return name
}

// zoneName is such as Europe/Berlin, where that is known.
func zoneName(t time.Time) string {
	if name := t.Location().String(); name != "Local" && name != "" {
		return name
	}
	return zone(t)
}

func timesince(r *run, in, arg any) any { return r.between(in, arg, 1) }

func timeuntil(r *run, in, arg any) any { return r.between(in, arg, -1) }

// between is how long ago a time was before now, or before another.
func (r *run) between(in, arg any, sign int) any {
	t, ok := r.timeOf(in)
	now := r.now
	if _, missing := arg.(absent); !missing && ok {
		now, ok = r.timeOf(arg)
	}
	if !ok {
		return ""
	}
	r.room(64)
	return Trusted(long(time.Duration(sign) * now.Sub(t)))
}

// long is a duration in words: its largest unit, and the next.
func long(d time.Duration) string {
	units := []struct {
		name string
		long time.Duration
	}{{"year", 365 * 24 * time.Hour}, {"month", 30 * 24 * time.Hour}, {"week", 7 * 24 * time.Hour}, {"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}}
	for i, u := range units {
		if d < u.long {
			continue
		}
		words := many(int(d/u.long), u.name)
		if i+1 < len(units) {
			if n := int(d % u.long / units[i+1].long); n > 0 {
				words += ", " + many(n, units[i+1].name)
			}
		}
		return words
	}
	return "0 minutes"
}

func many(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return strconv.Itoa(n) + " " + unit + "s"
}

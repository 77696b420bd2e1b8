package sourcetest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/switchhook/switchhook/internal/source"
)

// Fact writes a fact in one line: its name and what is in it, empty members left out.
func Fact(f source.Fact) string {
	var b strings.Builder
	v := reflect.ValueOf(f)
	b.WriteString(v.Type().Name())
	b.WriteString(" " + f.At().UTC().Format("15:04:05.000000"))
	for i := range v.NumField() {
		field, value := v.Type().Field(i), v.Field(i)
		if field.Name == "When" || value.IsZero() {
			continue
		}
		fmt.Fprintf(&b, " %s=", field.Name)
		switch x := value.Interface().(type) {
		case string:
			b.WriteString(x)
		case json.RawMessage:
			b.Write(x)
		case fmt.Stringer:
			b.WriteString(x.String())
		case source.Outcome, source.ParkStep:
			fmt.Fprint(&b, x)
		default:
			b.WriteString(details(value))
		}
	}
	return b.String()
}

// details writes what is not a text: lists of facts one a line.
func details(v reflect.Value) string {
	if v.Kind() == reflect.Slice {
		var b strings.Builder
		for i := range v.Len() {
			if f, ok := reflect.TypeAssert[source.Fact](v.Index(i)); ok {
				b.WriteString("\n\t" + Fact(f))
			}
		}
		return b.String()
	}
	j, err := json.Marshal(v.Interface())
	if err != nil {
		return err.Error()
	}
	return string(j)
}

// Facts writes facts, one a line.
func Facts(facts []source.Fact) string {
	var b strings.Builder
	for _, f := range facts {
		b.WriteString(Fact(f) + "\n")
	}
	return b.String()
}

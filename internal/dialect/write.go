package dialect

// Escape says how a system percent-encodes a form value.
type Escape struct {
	// Plus writes a blank as + instead of %20.
	Plus bool
}

// UpperHex are the digits of percent-encoding.
const UpperHex = "0123456789ABCDEF"

// unreserved are the characters of RFC 3986 that stay as they are.
var unreserved = func() (set [256]bool) { //nolint:gochecknoglobals // a constant; Go has no constant arrays
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~") {
		set[c] = true
	}
	return set
}()

// AppendEscaped percent-encodes s: everything but RFC 3986's unreserved
// characters, in upper-case hex.
func AppendEscaped(dst []byte, s string, e Escape) []byte {
	done := 0
	for i := range len(s) {
		c := s[i]
		if unreserved[c] {
			continue
		}
		dst = append(dst, s[done:i]...)
		done = i + 1
		if c == ' ' && e.Plus {
			dst = append(dst, '+')
		} else {
			dst = append(dst, '%', UpperHex[c>>4], UpperHex[c&15])
		}
	}
	return append(dst, s[done:]...)
}

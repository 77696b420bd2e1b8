package switchhook

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"sync"
	"time"
)

// Prefixes of the ids that Switchhook makes. Ids that come from outside (a
// call's, a client's own event id) are kept verbatim and have none of these.
const (
	PrefixEvent    = "evt_"
	PrefixAccount  = "acc_"
	PrefixWebhook  = "wh_"
	PrefixSource   = "src_"
	PrefixAPIKey   = "key_"
	PrefixDelivery = "msg_"
	PrefixAttempt  = "att_"
	PrefixJob      = "job_"
	PrefixUser     = "usr_"
)

// RootAccount is the operator's account, made at the first start.
const RootAccount = "root"

// idEncoding is base32 in Crockford's alphabet: no i, l, o, u to misread.
var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding) //nolint:gochecknoglobals // a constant that only code can make

// NewID returns a new id: the prefix and 26 characters that hold 48 bits of
// Unix milliseconds and 80 random bits, so ids sort roughly by the time they
// were made (the layout of RFC 9562's UUIDv7 without its fixed bits).
func NewID(prefix string) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(time.Now().UnixMilli())<<16)
	chance.read(b[6:])
	text := make([]byte, 0, len("xxxx_")+26)
	return string(idEncoding.AppendEncode(append(text, prefix...), b[:]))
}

// chance hands out random bytes that are fetched many at a time: each fetch by
// itself costs more than all else of an id.
var chance randomness //nolint:gochecknoglobals // it has no state but what is not yet used

type randomness struct {
	mu   sync.Mutex
	room [1024]byte
	left int
}

func (r *randomness) read(b []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.left < len(b) {
		_, _ = rand.Read(r.room[:]) // documented never to fail
		r.left = len(r.room)
	}
	copy(b, r.room[r.left-len(b):r.left])
	r.left -= len(b)
}

// DeliveryID returns the id of the delivery of an event to a webhook. It is
// derived from its three parts and nothing else, so no crash, replay or second
// process can give the same delivery another id.
func DeliveryID(accountID, eventID, webhookID string) string {
	var room [256]byte
	text := room[:0]
	for _, part := range [...]string{accountID, eventID, webhookID} {
		text = binary.BigEndian.AppendUint32(text, uint32(len(part))) //nolint:gosec // an id is far shorter than 4 GiB
		text = append(text, part...)
	}
	sum := sha256.Sum256(text)
	id := append(make([]byte, 0, len(PrefixDelivery)+26), PrefixDelivery...)
	return string(idEncoding.AppendEncode(id, sum[:16]))
}

// ValidEventID reports whether id may name an event: 1 to 128 of
// A-Z a-z 0-9 . _ : -
func ValidEventID(id string) bool {
	return validID(id, 128, func(c byte) bool {
		return c >= 'A' && c <= 'Z' || c == '.' || c == ':'
	})
}

// ValidAccountID reports whether id may be chosen for an account: 1 to 64 of
// a-z 0-9 _ -
func ValidAccountID(id string) bool {
	return validID(id, 64, func(byte) bool { return false })
}

func validID(id string, longest int, also func(byte) bool) bool {
	if id == "" || len(id) > longest {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' && !also(c) {
			return false
		}
	}
	return true
}

package dialect

import (
	"crypto/sha1" //nolint:gosec // RFC 9562 says so for UUIDv5; nothing is kept secret by it
	"encoding/hex"
	"strings"

	"github.com/google/uuid"
)

// namespace is what ids are derived in (RFC 9562 UUIDv5). It may never change:
// receivers keep these ids.
var namespace = uuid.MustParse("6d1d2c7e-3d0b-5f0a-9a57-6a1f4e9b7c10") //nolint:gochecknoglobals // a constant; Go has no constant arrays

// NilUUID is the UUID of nothing.
const NilUUID = "00000000-0000-0000-0000-000000000000"

// UUID returns a native id as a UUID: the id itself if it is one, NilUUID if it
// is empty, else one derived from account and id, always the same.
func UUID(accountID, id string) string {
	switch {
	case id == "":
		return NilUUID
	case IsUUID(id):
		return id
	default:
		return derived(accountID, id).String()
	}
}

// IsUUID reports whether id has the form of a UUID in lower case.
func IsUUID(id string) bool {
	if len(id) != 36 || strings.ToLower(id) != id {
		return false
	}
	_, err := uuid.Parse(id)
	return err == nil
}

// Hex32 returns a native id as 32 lower-case hex characters, as Kazoo's ids
// are: the id itself if it has that form, else its UUID without hyphens.
func Hex32(accountID, id string) string {
	switch {
	case id == "", IsHex32(id):
		return id
	case IsUUID(id):
		return strings.ReplaceAll(id, "-", "")
	default:
		u := derived(accountID, id)
		return hex.EncodeToString(u[:])
	}
}

// IsHex32 reports whether id has the form of Kazoo's ids.
func IsHex32(id string) bool {
	if len(id) != 32 {
		return false
	}
	for i := range len(id) {
		if c := id[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// derived is the UUIDv5 of an id. It is made anew for each id of every request, so
// it is done without uuid.NewSHA1's allocations.
func derived(accountID, id string) uuid.UUID {
	var buf [192]byte
	name := append(append(append(append(buf[:0], namespace[:]...), accountID...), 0), id...)
	sum := sha1.Sum(name)                               //nolint:gosec // as above
	sum[6], sum[8] = sum[6]&0x0f|0x50, sum[8]&0x3f|0x80 // RFC 9562: version 5 and variant
	return uuid.UUID(sum[:16])
}

package dialect

import (
	"strings"

	"github.com/google/uuid"
)

// namespace is what ids are derived in (RFC 9562 UUIDv5). It may never change:
// receivers keep these ids.
const namespace = "6d1d2c7e-3d0b-5f0a-9a57-6a1f4e9b7c10"

// NilUUID is the UUID of nothing.
const NilUUID = "00000000-0000-0000-0000-000000000000"

// UUID returns a native id as a UUID: the id itself if it is one, NilUUID if it
// is empty, else one derived from account and id, always the same.
func UUID(accountID, id string) string {
	if id == "" {
		return NilUUID
	}
	if IsUUID(id) {
		return id
	}
	return uuid.NewSHA1(uuid.MustParse(namespace), []byte(accountID+"\x00"+id)).String()
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
// are: the id itself if it has that form, else derived.
func Hex32(accountID, id string) string {
	if id == "" {
		return ""
	}
	if IsHex32(id) {
		return id
	}
	return strings.ReplaceAll(UUID(accountID, id), "-", "")
}

// IsHex32 reports whether id has the form of Kazoo's ids.
func IsHex32(id string) bool { return len(id) == 32 && strings.Trim(id, "0123456789abcdef") == "" }

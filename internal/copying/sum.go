package copying

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/switchhook/switchhook/internal/store/postgres"
)

// A sum is that of a table: the number of its rows and the sum, in 128 bits, of the hashes
// of each row with its key. It is the same in whatever order the rows come: cleaned texts
// may sort in another one.
type sum struct {
	rows      int64
	high, low uint64

	buffer []byte // of add
}

// add adds a row of int64, string, []byte and nil. Texts count as they are cleaned.
func (s *sum) add(row []any) {
	b := s.buffer[:0]
	for _, v := range row {
		switch v := v.(type) {
		case int64:
			b = binary.BigEndian.AppendUint64(append(b, 'i'), uint64(v)) //nolint:gosec // its bits
		case string:
			v = postgres.Cleaned(v)
			b = append(binary.AppendUvarint(append(b, 't'), uint64(len(v))), v...)
		case []byte:
			b = append(binary.AppendUvarint(append(b, 'b'), uint64(len(v))), v...)
		default:
			b = append(b, 'n')
		}
	}
	h := sha256.Sum256(b)
	s.buffer = b
	var carry uint64
	s.low, carry = bits.Add64(s.low, binary.BigEndian.Uint64(h[8:]), 0)
	s.high, _ = bits.Add64(s.high, binary.BigEndian.Uint64(h[:]), carry)
	s.rows++
}

func (s *sum) same(as *sum) bool { return s.rows == as.rows && s.high == as.high && s.low == as.low }

func (s *sum) String() string { return fmt.Sprintf("%016x%016x", s.high, s.low) }

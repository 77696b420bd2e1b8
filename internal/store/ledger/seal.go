package ledger

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"fmt"
)

const (
	masterKeySize = 32
	// sealVersion is the first byte of all that is sealed, so that another
	// cipher or a second key can come later.
	sealVersion = 1
)

// A sealer encrypts what must not be readable in the database file. Where it
// lies (table/column/row) is sealed in with it, so that a value which was copied
// to another row does not open.
type sealer struct{ aead cipher.AEAD }

func newSealer(key []byte) (*sealer, error) {
	if len(key) != masterKeySize {
		return nil, fmt.Errorf("the master key has %d bytes instead of %d", len(key), masterKeySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("use the master key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("use the master key: %w", err)
	}
	return &sealer{aead}, nil
}

// seal encrypts the JSON of v for the place where it is to lie.
func (s *sealer) seal(place string, v any) ([]byte, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", place, err)
	}
	return s.sealed(place, plain), nil
}

func (s *sealer) sealed(place string, plain []byte) []byte {
	return s.aead.Seal([]byte{sealVersion}, nil, plain, []byte(place)) //nolint:gosec // G407: nil, for the AEAD makes a random nonce
}

// open decrypts what seal made.
func (s *sealer) open(place string, sealed []byte, v any) error {
	plain, err := s.opened(place, sealed)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(plain, v); err != nil {
		return fmt.Errorf("open %s: %w", place, err)
	}
	return nil
}

func (s *sealer) opened(place string, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != sealVersion {
		return nil, fmt.Errorf("open %s: sealed in a way that this program does not know", place)
	}
	plain, err := s.aead.Open(nil, nil, sealed[1:], []byte(place))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", place, err)
	}
	return plain, nil
}

package ledger

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	masterKeyFile = "master.key"
	masterKeySize = 32
	// sealVersion is the first byte of all that is sealed, so that another
	// cipher or a second key can come later.
	sealVersion = 1
	keyCheck    = "switchhook"
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
	return s.aead.Seal([]byte{sealVersion}, nil, plain, []byte(place)), nil //nolint:gosec // G407: nil, for the AEAD makes a random nonce
}

// open decrypts what seal made.
func (s *sealer) open(place string, sealed []byte, v any) error {
	if len(sealed) == 0 || sealed[0] != sealVersion {
		return fmt.Errorf("open %s: sealed in a way that this program does not know", place)
	}
	plain, err := s.aead.Open(nil, nil, sealed[1:], []byte(place))
	if err != nil {
		return fmt.Errorf("open %s: %w", place, err)
	}
	if err := json.Unmarshal(plain, v); err != nil {
		return fmt.Errorf("open %s: %w", place, err)
	}
	return nil
}

// openSealer makes sure that the key is the one that the secrets in the
// database were sealed with. Only a database that has none yet gets a new key.
func (w *writer) openSealer(ctx context.Context, masterKey func(mayMake bool) ([]byte, error)) (*sealer, error) {
	check, err := readKeyCheck(ctx, w.conn)
	if err != nil {
		return nil, err
	}
	key, err := masterKey(check == nil)
	if err != nil {
		return nil, err
	}
	s, err := newSealer(key)
	if err != nil {
		return nil, err
	}
	if check == nil {
		if check, err = s.seal(keyCheckPlace, keyCheck); err != nil {
			return nil, err
		}
		if err := w.transact(ctx, func() error { return w.tx.Put(ctx, "UPDATE meta SET key_check = ?", check) }); err != nil {
			return nil, fmt.Errorf("keep the check of the master key: %w", err)
		}
		return s, nil
	}
	return s, s.fits(check, w.db.Name())
}

// keyCheckPlace is where a known text lies, sealed.
const keyCheckPlace = "meta/key_check/1"

// readKeyCheck is nil where no secret was sealed yet.
func readKeyCheck(ctx context.Context, from Reader) (check []byte, err error) {
	if err := from.QueryRowContext(ctx, "SELECT key_check FROM meta").Scan(&check); err != nil {
		return nil, fmt.Errorf("check the master key: %w", err)
	}
	return check, nil
}

func (s *sealer) fits(check []byte, data string) error {
	var text string
	if err := s.open(keyCheckPlace, check, &text); err != nil || text != keyCheck {
		return fmt.Errorf("the master key does not fit the data in %s: its secrets were sealed with another one", data)
	}
	return nil
}

// CheckKey reports an error if secrets in a database were sealed with another key than
// the one given, or if there is none.
func CheckKey(ctx context.Context, db Database, masterKey func(mayMake bool) ([]byte, error)) error {
	check, err := readKeyCheck(ctx, db)
	if err != nil || check == nil {
		return err
	}
	key, err := masterKey(false)
	if err != nil {
		return err
	}
	s, err := newSealer(key)
	if err != nil {
		return err
	}
	return s.fits(check, db.Name())
}

// MasterKey is a source of the master key: the key that is given, or without one the
// file master.key of a directory, made there where the database has none yet. data is
// where the data lies, for errors.
func MasterKey(given []byte, dir, data string) func(mayMake bool) ([]byte, error) {
	return func(mayMake bool) ([]byte, error) {
		if given != nil {
			return given, nil
		}
		return readMasterKey(dir, data, mayMake)
	}
}

// readMasterKey reads the key from the data directory, or makes one there.
func readMasterKey(dir, data string, mayMake bool) ([]byte, error) {
	path := filepath.Join(dir, masterKeyFile)
	text, err := os.ReadFile(path) //nolint:gosec // G304: the operator's own data directory
	switch {
	case err == nil:
		key, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(text)))
		if err != nil {
			return nil, fmt.Errorf("%s is not the base64 of a key: %w", path, err)
		}
		return key, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("read the master key: %w", err)
	case !mayMake:
		return nil, fmt.Errorf("the master key that the secrets in %s were sealed with is missing: put back %s or give the key", data, path)
	}
	key := make([]byte, masterKeySize)
	_, _ = rand.Read(key) // documented never to fail
	text = append(base64.StdEncoding.AppendEncode(nil, key), '\n')
	if err := writeDurably(path, text); err != nil {
		return nil, fmt.Errorf("keep the master key: %w", err)
	}
	return key, nil
}

// writeDurably writes a file that is there whole after a crash, or not at all.
func writeDurably(path string, data []byte) error {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // G304: the operator's own data directory
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

package ledger

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	masterKeyFile = "master.key"
	oldKeyFile    = "master.key.old"
	// keyCheck is a known text, which lies at keyCheckPlace, sealed.
	keyCheck      = "switchhook"
	keyCheckPlace = "meta/key_check/1"
)

// ErrMasterKey is in an error that only another master key helps against.
var ErrMasterKey = errors.New("the master key")

// Keys returns the master keys that a process knows, the newest last: several while one is
// being replaced (Reseal). mayMake: the database has none yet, so there may be a new one.
type Keys func(mayMake bool) ([][]byte, error)

// MasterKeys are the keys that are given, or without any those in the file master.key of a
// directory, one a line, made there where the database has none yet. data is where the data
// lies, for errors.
func MasterKeys(given [][]byte, dir, data string) Keys {
	return func(mayMake bool) ([][]byte, error) {
		if len(given) > 0 {
			return given, nil
		}
		keys, err := readKeys(dir)
		if err != nil || len(keys) > 0 {
			return keys, err
		}
		path := filepath.Join(dir, masterKeyFile)
		if !mayMake {
			return nil, fmt.Errorf("%w that the secrets in %s were sealed with is missing: put back %s or give the key", ErrMasterKey, data, path)
		}
		keys = [][]byte{newKey()}
		if err := writeKeys(path, keys); err != nil {
			return nil, err
		}
		return keys, nil
	}
}

func newKey() []byte {
	key := make([]byte, masterKeySize)
	_, _ = rand.Read(key) // documented never to fail
	return key
}

// readKeys reads a directory's file. No file, no keys.
func readKeys(dir string) (keys [][]byte, err error) {
	path := filepath.Join(dir, masterKeyFile)
	text, err := os.ReadFile(path) //nolint:gosec // G304: the operator's own data directory
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the master key: %w", err)
	}
	for line := range bytes.FieldsSeq(text) {
		key, err := base64.StdEncoding.DecodeString(string(line))
		if err != nil {
			return nil, fmt.Errorf("%s is not the base64 of a key: %w", path, err)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s holds no key", path)
	}
	return keys, nil
}

func writeKeys(path string, keys [][]byte) error {
	var text []byte
	for _, key := range keys {
		text = append(base64.StdEncoding.AppendEncode(text, key), '\n')
	}
	if err := writeDurably(path, text); err != nil {
		return fmt.Errorf("keep the master key: %w", err)
	}
	return nil
}

// writeDurably writes a file that is there whole after a crash, or as it was.
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

// fitting is the key that the secrets were sealed with; where there are none yet, the newest.
func (keys Keys) fitting(check []byte, data string) ([]byte, *sealer, error) {
	all, err := keys(check == nil)
	if err != nil {
		return nil, nil, err
	}
	for i := range all {
		key := all[len(all)-1-i]
		s, err := newSealer(key)
		if err != nil {
			return nil, nil, err
		}
		if check == nil || s.fits(check) {
			return key, s, nil
		}
	}
	return nil, nil, fmt.Errorf("%w does not fit the data in %s: its secrets were sealed with another one", ErrMasterKey, data)
}

func (s *sealer) fits(check []byte) bool {
	var text string
	return s.open(keyCheckPlace, check, &text) == nil && text == keyCheck
}

// openSealer makes sure that one of the keys is the one that the secrets in the
// database were sealed with. Only a database that has none yet gets a new key.
func (w *writer) openSealer(ctx context.Context, keys Keys) (*sealer, error) {
	check, err := readKeyCheck(ctx, w.conn)
	if err != nil {
		return nil, err
	}
	_, s, err := keys.fitting(check, w.db.Name())
	if err != nil || check != nil {
		return s, err
	}
	if check, err = s.seal(keyCheckPlace, keyCheck); err != nil {
		return nil, err
	}
	if err := w.transact(ctx, func() error { return w.tx.Put(ctx, "UPDATE meta SET key_check = ?", check) }); err != nil {
		return nil, fmt.Errorf("keep the check of the master key: %w", err)
	}
	return s, nil
}

// readKeyCheck is nil where no secret was sealed yet.
func readKeyCheck(ctx context.Context, from Reader) (check []byte, err error) {
	if err := from.QueryRowContext(ctx, "SELECT key_check FROM meta").Scan(&check); err != nil {
		return nil, fmt.Errorf("check the master key: %w", err)
	}
	return check, nil
}

// FittingKey is the one of the keys that a database's secrets were sealed with; nil where
// there are no secrets yet. ErrMasterKey: it is none of them.
func FittingKey(ctx context.Context, db Database, keys Keys) ([]byte, error) {
	check, err := readKeyCheck(ctx, db)
	if err != nil || check == nil {
		return nil, err
	}
	key, _, err := keys.fitting(check, db.Name())
	return key, err
}

// NextKey is the key that the secrets are to be sealed with from now on: the last of those
// that are given, else of those in a directory's file, to which one is added where it has
// only one.
func NextKey(given [][]byte, dir string) ([]byte, error) {
	if len(given) == 1 {
		return nil, errors.New("give the old key and the new one, with a comma between them, so that the data can be read whatever happens meanwhile")
	}
	keys := given
	if len(given) == 0 {
		var err error
		if keys, err = readKeys(dir); err != nil {
			return nil, err
		}
		if len(keys) == 1 {
			keys = append(keys, newKey())
			if err := writeKeys(filepath.Join(dir, masterKeyFile), keys); err != nil {
				return nil, err
			}
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("there is no %s in %s", masterKeyFile, dir)
	}
	return keys[len(keys)-1], nil
}

// SettleKeys leaves the newest key alone in a directory's file. The others are kept beside
// it, in the file whose path it returns: backups that were made before need them.
func SettleKeys(dir string) (old string, err error) {
	keys, err := readKeys(dir)
	if err != nil || len(keys) < 2 {
		return "", err
	}
	last := len(keys) - 1
	old = filepath.Join(dir, oldKeyFile)
	if err := writeKeys(old, keys[:last]); err != nil {
		return "", err
	}
	return old, writeKeys(filepath.Join(dir, masterKeyFile), keys[last:])
}

// sealedTables have a column sealed, whose places are told apart by the column id.
func sealedTables() []string { return []string{"webhooks", "sources"} }

func sealedAt(table, id string) string { return table + "/sealed/" + id }

// Reseal seals all secrets anew with another key, in one transaction: after a crash they are
// sealed with the old one or with the new one. It returns how many there were; a database
// that has the key already is left alone. Nothing else may use the DB meanwhile.
func (d *DB) Reseal(ctx context.Context, key []byte) (n int, err error) {
	next, err := newSealer(key)
	if err != nil {
		return 0, err
	}
	err = d.writeThen(ctx, func(ctx context.Context, w *writer) error {
		check, err := readKeyCheck(ctx, w.tx)
		if err != nil || next.fits(check) {
			return err
		}
		for _, table := range sealedTables() {
			changed, err := w.reseal(ctx, table, d.seal, next)
			if err != nil {
				return err
			}
			n += changed
		}
		if check, err = next.seal(keyCheckPlace, keyCheck); err != nil {
			return err
		}
		return w.tx.Put(ctx, "UPDATE meta SET key_check = ?", check)
	}, func() { d.seal = next })
	if err != nil {
		return 0, fmt.Errorf("seal with the new master key: %w", err)
	}
	return n, nil
}

func (w *writer) reseal(ctx context.Context, table string, old, next *sealer) (n int, err error) {
	type row struct {
		id     string
		sealed []byte
	}
	var rows []row
	err = each(ctx, w.tx, func(scan scan) error {
		var r row
		if err := scan(&r.id, &r.sealed); err != nil {
			return err
		}
		place := sealedAt(table, r.id)
		plain, err := old.opened(place, r.sealed)
		if err != nil {
			return err
		}
		r.sealed = next.sealed(place, plain)
		rows = append(rows, r)
		return nil
	}, "SELECT id, sealed FROM "+table)
	if err != nil {
		return 0, err
	}
	for _, r := range rows {
		if err := w.tx.Put(ctx, "UPDATE "+table+" SET sealed = ? WHERE id = ?", r.sealed, r.id); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

package api

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// argonMemory and argonTime are the cost of a password: what OWASP's cheat sheet (2024) asks of
// argon2id at least, some 20 ms and 19 MiB. It is written with each, so that it can be raised
// later. Tests lower it.
var argonMemory, argonTime uint32 = 19 << 10, 2 //nolint:gochecknoglobals // KiB; passes

const (
	argonThreads = 1
	argonKey     = 32 // bytes
	argonSalt    = 16
	// mostHashing bounds how many passwords are worked on at once, for their memory.
	mostHashing = 4

	shortestPassword = 10  // characters
	longestPassword  = 256 // bytes
)

// A hasher works on passwords, a few at a time.
type hasher chan struct{}

func newHasher() hasher { return make(hasher, mostHashing) }

// turn waits for a place.
func (h hasher) turn(ctx context.Context) (release func(), err error) {
	select {
	case h <- struct{}{}:
		return func() { <-h }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// hash makes what is kept of a password.
func (h hasher) hash(ctx context.Context, password string) (string, error) {
	release, err := h.turn(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	salt := make([]byte, argonSalt)
	_, _ = rand.Read(salt) // documented never to fail
	return phc(salt, argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, argonKey)), nil
}

// nobodys is kept of no password. Comparing with it takes as long as with another.
func nobodys() string { return phc(make([]byte, argonSalt), make([]byte, argonKey)) }

// phc is what is kept of a password: a PHC string.
func phc(salt, key []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
}

// matches reports whether a password is the one of which this was kept. Empty: there is
// none, which takes as long to say.
func (h hasher) matches(ctx context.Context, kept, password string) (bool, error) {
	release, err := h.turn(ctx)
	if err != nil {
		return false, err
	}
	defer release()
	is := kept
	if kept == "" {
		is = nobodys()
	}
	var version, memory, time, threads uint32
	parts := strings.Split(is, "$") // "", argon2id, v, m t p, salt, key
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, nil
	}
	if _, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &time, &threads); err != nil || version != argon2.Version || threads > 255 {
		return false, nil // it is none that this program has made
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false, nil
	}
	key, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil {
		return false, nil
	}
	got := argon2.IDKey([]byte(password), salt, time, memory, uint8(threads), uint32(len(key))) //nolint:gosec // both are small
	return subtle.ConstantTimeCompare(got, key) == 1 && kept != "", nil
}

// checkPassword says what is wrong with a password that somebody chooses: not which
// characters it has (NIST SP 800-63B), but that it can be guessed.
func checkPassword(password, login string) string {
	switch {
	case len([]rune(password)) < shortestPassword:
		return fmt.Sprintf("expected at least %d characters", shortestPassword)
	case len(password) > longestPassword:
		return fmt.Sprintf("expected at most %d bytes", longestPassword)
	case strings.EqualFold(password, login), strings.Count(password, password[:1]) == len(password):
		return "is too easy to guess"
	}
	return ""
}

package post

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"

	"github.com/emersion/go-msgauth/dkim"
	gomail "github.com/wneessen/go-mail"
)

// DKIM is how mails are signed (RFC 6376): the public key stands in the DNS, as a TXT record
// of Selector._domainkey.Domain.
type DKIM struct {
	Domain, Selector string
	Key              crypto.Signer // RSA of 1024 bits or more, or Ed25519 (RFC 8463)
}

// ParseDKIMKey reads a private key in PEM: RSA (PKCS #1 or #8) or Ed25519 (PKCS #8).
func ParseDKIMKey(text []byte) (crypto.Signer, error) {
	key, err := gomail.PrivKeyFromPEM(text)
	if err != nil {
		return nil, fmt.Errorf("the DKIM key cannot be read: %w (expected a private key in PEM, RSA or Ed25519)", err)
	}
	return key, nil
}

func (d *DKIM) check() error {
	domain, err := toASCII(d.Domain)
	if err != nil {
		return fmt.Errorf("the DKIM domain %.80q is not a domain: expected one such as example.com", d.Domain)
	}
	if _, err := toASCII(d.Selector); err != nil {
		return fmt.Errorf("the DKIM selector %.80q cannot stand in the DNS: expected one such as switchhook or 2027a", d.Selector)
	}
	d.Domain = domain
	switch key := d.Key.(type) {
	case *rsa.PrivateKey:
		if key.N.BitLen() < 1024 { // RFC 8301 3.2
			return fmt.Errorf("the DKIM key has %d bits: expected 2048", key.N.BitLen())
		}
	case ed25519.PrivateKey:
	default:
		return errors.New("the DKIM key is neither RSA nor Ed25519")
	}
	return nil
}

// sign puts a signature before a mail. What others could add to the mail without breaking it,
// a second sender or subject, is signed as not being there. (go-mail signs too, but breaks
// lines inside the names that it has signed.)
func (d *DKIM) sign(text []byte) ([]byte, error) {
	once := []string{"From", "To", "Cc", "Reply-To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"}
	var b bytes.Buffer
	err := dkim.Sign(&b, bytes.NewReader(text), &dkim.SignOptions{
		Domain: d.Domain, Selector: d.Selector, Signer: d.Key, HeaderKeys: append(once, once...),
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
	})
	if err != nil {
		return nil, fmt.Errorf("sign the mail: %w", err)
	}
	return b.Bytes(), nil
}

package post

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"

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

// signer is one for one mail: a signer writes into itself. What others could add to a mail
// without breaking the signature, a second sender or subject, is signed as not being there.
func (d *DKIM) signer() *gomail.DKIMSigner {
	s := gomail.NewDKIMSigner(d.Domain, d.Selector, d.Key)
	s.SignHeaders("From", "To", "Cc", "Reply-To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type", "Content-Transfer-Encoding")
	s.OversignHeaders("From", "To", "Cc", "Reply-To", "Subject", "Date", "Message-ID")
	return s
}

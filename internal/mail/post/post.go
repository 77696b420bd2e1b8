// Package post sends mail: it makes a MIME message of a mail.Message and hands it to the
// operator's mail server over SMTP.
package post

// Package django is the template language of notifications: the subset of Django's that
// Kazoo's templates are written in, with no way out of it.
package django

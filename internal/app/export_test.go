package app

import (
	"github.com/switchhook/switchhook/internal/dialect"
	"github.com/switchhook/switchhook/internal/source"
)

// Dialects are the product's, for the documents.
func Dialects() []dialect.Dialect {
	a := &App{}
	env := dialect.Env{
		Version: "1.0.0", Host: "pbx1.example.com", Reseller: a.directory.Reseller,
		Integer: func(_, _, id string) (int64, error) { return int64(1000 + len(id)), nil },
	}
	return dialectsOf(env)
}

// Translators are the product's sources by webhook.
func Translators() []source.Translator { return translators() }

// With adds kinds of sources.
func (c *Config) With(connectors ...source.Connector) Config {
	c.connectors = connectors
	return *c
}

-- What an operator says that a dialect calls a thing. dialect_ids counts, these are given.
CREATE TABLE given_ids (
	account_id TEXT    NOT NULL,
	dialect    TEXT    NOT NULL,
	schema     TEXT    NOT NULL,
	id         TEXT    NOT NULL,
	value      TEXT    NOT NULL,
	updated_at INTEGER NOT NULL,
	PRIMARY KEY (account_id, dialect, schema, id),
	UNIQUE (account_id, dialect, schema, value)
) STRICT, WITHOUT ROWID;

-- Counting the next integer asks which are given, whatever the dialect.
CREATE INDEX given_ids_value ON given_ids (account_id, schema, value);

-- What another system's own webhook said, as JSON; empty for none.
ALTER TABLE events ADD COLUMN original TEXT NOT NULL DEFAULT '';

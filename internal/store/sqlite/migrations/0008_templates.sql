-- What accounts have made their own of notifications' templates: as it is now, and the last
-- versions of it.
CREATE TABLE templates (
	n          INTEGER PRIMARY KEY,
	account_id TEXT    NOT NULL,
	id         TEXT    NOT NULL,
	created_at INTEGER NOT NULL,
	doc        TEXT    NOT NULL,
	UNIQUE (account_id, id)
) STRICT;

CREATE TABLE template_versions (
	account_id TEXT    NOT NULL,
	id         TEXT    NOT NULL,
	version    INTEGER NOT NULL,
	doc        TEXT    NOT NULL,
	PRIMARY KEY (account_id, id, version)
) STRICT, WITHOUT ROWID;

-- Who changed what. AUTOINCREMENT: the id of a pruned entry never comes back.
CREATE TABLE audit (
	id          INTEGER PRIMARY KEY AUTOINCREMENT,
	account_id  TEXT    NOT NULL,
	at          INTEGER NOT NULL,
	actor       TEXT    NOT NULL, -- the id of the user, or of the API key
	action      TEXT    NOT NULL,
	resource    TEXT    NOT NULL,
	resource_id TEXT    NOT NULL,
	doc         TEXT    NOT NULL
) STRICT;

CREATE INDEX audit_account ON audit (account_id);

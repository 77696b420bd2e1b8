CREATE TABLE users (
	n          INTEGER PRIMARY KEY,
	id         TEXT    NOT NULL UNIQUE,
	account_id TEXT    NOT NULL,
	login      TEXT    NOT NULL UNIQUE,
	name       TEXT    NOT NULL,
	role       TEXT    NOT NULL,
	password   TEXT    NOT NULL, -- argon2id
	created_at INTEGER NOT NULL,
	updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
	hash       BLOB    PRIMARY KEY,
	user_id    TEXT    NOT NULL, -- one of these three is not empty
	key_id     TEXT    NOT NULL,
	account_id TEXT    NOT NULL,
	role       TEXT    NOT NULL,
	created_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Times are Unix microseconds, and -2^63 for "none". Every column says NOT NULL
-- unless the absence of a value means something.

-- By which a database of the development before the first release is told.
PRAGMA application_id = 1400334441;

-- One row: the counters of the store, and how it knows its master key again.
CREATE TABLE meta (
	id            INTEGER PRIMARY KEY CHECK (id = 1),
	last_sequence INTEGER NOT NULL DEFAULT 0,
	last_attempt  INTEGER NOT NULL DEFAULT 0, -- the row of an attempt is never used twice, not even after pruning
	watermark     INTEGER NOT NULL DEFAULT 0,
	batches       INTEGER NOT NULL DEFAULT 0, -- of commits: by their number one is told whose outcome was unknown
	snapshots_at  INTEGER NOT NULL DEFAULT 0, -- up to which sequence the table snapshots has what the blocks say
	key_check     BLOB                        -- a known text, sealed; NULL until the first start is complete
) STRICT;

INSERT INTO meta (id) VALUES (1);

CREATE TABLE accounts (
	n          INTEGER PRIMARY KEY,
	id         TEXT    NOT NULL UNIQUE,
	parent_id  TEXT    NOT NULL,
	name       TEXT    NOT NULL,
	created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE api_keys (
	n          INTEGER PRIMARY KEY,
	id         TEXT    NOT NULL UNIQUE,
	account_id TEXT    NOT NULL,
	name       TEXT    NOT NULL,
	hash       BLOB    NOT NULL,
	created_at INTEGER NOT NULL
) STRICT;

-- doc is the JSON of the whole, but for what is secret: that is in sealed.
CREATE TABLE webhooks (
	n          INTEGER PRIMARY KEY,
	id         TEXT    NOT NULL UNIQUE,
	created_at INTEGER NOT NULL,
	doc        TEXT    NOT NULL,
	sealed     BLOB    NOT NULL
) STRICT;

CREATE TABLE sources (
	n          INTEGER PRIMARY KEY,
	id         TEXT    NOT NULL UNIQUE,
	created_at INTEGER NOT NULL,
	doc        TEXT    NOT NULL,
	sealed     BLOB    NOT NULL
) STRICT;

CREATE TABLE records (
	account_id TEXT    NOT NULL,
	schema     TEXT    NOT NULL,
	id         TEXT    NOT NULL,
	doc        TEXT    NOT NULL,
	created_at INTEGER NOT NULL,
	updated_at INTEGER NOT NULL,
	PRIMARY KEY (account_id, schema, id)
) STRICT, WITHOUT ROWID;

-- The integers that stand for native ids in dialects that know only integers.
CREATE TABLE dialect_ids (
	account_id TEXT    NOT NULL,
	schema     TEXT    NOT NULL,
	id         TEXT    NOT NULL,
	n          INTEGER NOT NULL,
	PRIMARY KEY (account_id, schema, id),
	UNIQUE (account_id, schema, n)
) STRICT, WITHOUT ROWID;

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

-- The history: events and attempts in the order of their sequences and rows. A
-- block is what one transaction wrote of them, cut where it grows large; its
-- body is packed as the program's codec says. See slices for what goes together.
CREATE TABLE event_blocks (
	day       INTEGER NOT NULL,    -- on which its slice was opened, since 1970 (UTC)
	first     INTEGER PRIMARY KEY, -- sequences
	last      INTEGER NOT NULL,
	from_at   INTEGER NOT NULL,    -- of the oldest and the newest, by the time of acceptance
	to_at     INTEGER NOT NULL,
	body      BLOB    NOT NULL,
	snapshots BLOB                 -- those that the transaction changed; NULL: none
) STRICT;

CREATE TABLE attempt_blocks (
	day     INTEGER NOT NULL,
	first   INTEGER PRIMARY KEY, -- rows
	last    INTEGER NOT NULL,
	from_at INTEGER NOT NULL,    -- by the time of their start
	to_at   INTEGER NOT NULL,
	low     INTEGER NOT NULL,    -- the lowest sequence that an attempt is about
	upto    INTEGER NOT NULL,    -- the last sequence when it was written: no attempt in it or before it is about a higher one
	body    BLOB    NOT NULL
) STRICT;

-- What of the history goes together, up to where the next slice begins. The
-- newest one is open: its times and low are not kept up to date here.
CREATE TABLE slices (
	n             INTEGER PRIMARY KEY,
	first_event   INTEGER NOT NULL,
	first_attempt INTEGER NOT NULL,
	opened_at     INTEGER NOT NULL, -- the time of the first in it
	from_at       INTEGER NOT NULL, -- of the oldest and the newest in it
	to_at         INTEGER NOT NULL,
	low           INTEGER NOT NULL, -- as in attempt_blocks
	bits          INTEGER           -- history_index has 2^bits parts of it; NULL: it has none yet
) STRICT;

-- Which blocks of a slice may have what is looked for: hashes in rising order,
-- each with its block. Of the key, the lowest 8 bits are the part (the highest
-- bits of its hashes), the others the slice.
CREATE TABLE history_index (
	part INTEGER PRIMARY KEY,
	body BLOB    NOT NULL
) STRICT;

-- Ids that clients chose. The primary key is the last guard against accepting
-- one twice.
CREATE TABLE event_ids (
	account_id TEXT    NOT NULL,
	id         TEXT    NOT NULL,
	expires_at INTEGER NOT NULL,
	PRIMARY KEY (account_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX event_ids_expiry ON event_ids (expires_at);

-- Open calls, legs, queue calls and agents, as of meta.snapshots_at. What
-- changed since then is in event_blocks.
CREATE TABLE snapshots (
	account_id TEXT    NOT NULL,
	kind       TEXT    NOT NULL,
	id         TEXT    NOT NULL,
	root_id    TEXT    NOT NULL,
	data       BLOB    NOT NULL,
	updated_at INTEGER NOT NULL,
	PRIMARY KEY (account_id, kind, id)
) STRICT, WITHOUT ROWID;

-- What waits for a time or its turn. Never a history: that is what keeps it small.
CREATE TABLE due (
	webhook_id TEXT    NOT NULL,
	seq        INTEGER NOT NULL,
	lane       INTEGER NOT NULL, -- 64 bits without a sign
	attempts   INTEGER NOT NULL,
	tries      INTEGER NOT NULL,
	at         INTEGER NOT NULL,
	held_since INTEGER NOT NULL,
	still      INTEGER NOT NULL, -- nanoseconds
	stray      INTEGER NOT NULL,
	replay     INTEGER NOT NULL,
	PRIMARY KEY (webhook_id, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX due_stray  ON due (webhook_id, at, seq) WHERE stray = 1;
-- What a replay has added is found by its event; the rest by the event's targets.
CREATE INDEX due_replay ON due (seq) WHERE replay = 1;

-- What the engine remembers of webhooks.
CREATE TABLE gates (
	webhook_id    TEXT    PRIMARY KEY,
	failing_since INTEGER NOT NULL,
	still         INTEGER NOT NULL, -- nanoseconds
	still_since   INTEGER NOT NULL,
	reason        TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE jobs (
	id         TEXT    PRIMARY KEY,
	created_at INTEGER NOT NULL,
	ended_at   INTEGER NOT NULL,
	cursor     INTEGER NOT NULL, -- sequences
	last       INTEGER NOT NULL,
	doc        TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- AUTOINCREMENT: the id of a pruned reject never comes back.
CREATE TABLE rejects (
	id        INTEGER PRIMARY KEY AUTOINCREMENT,
	source_id TEXT    NOT NULL,
	at        INTEGER NOT NULL,
	doc       TEXT    NOT NULL,
	body      BLOB    NOT NULL
) STRICT;

CREATE INDEX rejects_source ON rejects (source_id);

-- Times are Unix microseconds, 0 for "none". Every column says NOT NULL unless
-- the absence of a value means something.

-- One row: the counters of the store, and how it knows its master key again.
CREATE TABLE meta (
	id            INTEGER PRIMARY KEY CHECK (id = 1),
	last_sequence INTEGER NOT NULL DEFAULT 0,
	last_attempt  INTEGER NOT NULL DEFAULT 0, -- attempts."row" is never used twice, not even after pruning
	watermark     INTEGER NOT NULL DEFAULT 0,
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

-- Append only. targets are webhook ids, one a line.
CREATE TABLE events (
	seq         INTEGER PRIMARY KEY,
	id          TEXT    NOT NULL,
	account_id  TEXT    NOT NULL,
	type        TEXT    NOT NULL,
	key         TEXT    NOT NULL,
	call_id     TEXT    NOT NULL,
	occurred_at INTEGER NOT NULL,
	accepted_at INTEGER NOT NULL,
	source      TEXT    NOT NULL,
	id_given    INTEGER NOT NULL,
	relayed     INTEGER NOT NULL,
	targets     TEXT    NOT NULL,
	data        BLOB    NOT NULL
) STRICT;

CREATE INDEX events_id      ON events (id);
CREATE INDEX events_account ON events (account_id);
CREATE INDEX events_key     ON events (key) WHERE key <> '';
-- The first leg of a call has the call's id, so that its events are found by key.
CREATE INDEX events_call    ON events (call_id) WHERE call_id <> '' AND call_id <> key;

-- Ids that clients chose. The primary key is the last guard against accepting
-- one twice.
CREATE TABLE event_ids (
	account_id TEXT    NOT NULL,
	id         TEXT    NOT NULL,
	expires_at INTEGER NOT NULL,
	PRIMARY KEY (account_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX event_ids_expiry ON event_ids (expires_at);

-- Open calls, legs, queue calls and agents.
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
	"cursor"   INTEGER NOT NULL, -- sequences
	"last"     INTEGER NOT NULL,
	doc        TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- The history, and what closes a delivery. Bodies have columns of their own, so
-- that JSON within JSON is not escaped a second time.
CREATE TABLE attempts (
	row             INTEGER PRIMARY KEY,
	id              TEXT    NOT NULL,
	seq             INTEGER NOT NULL,
	event_id        TEXT    NOT NULL,
	event_type      TEXT    NOT NULL,
	account_id      TEXT    NOT NULL,
	webhook_id      TEXT    NOT NULL,
	dialect         TEXT    NOT NULL,
	number          INTEGER NOT NULL,
	started_at      INTEGER NOT NULL,
	duration_ms     REAL    NOT NULL,
	outcome         TEXT    NOT NULL,
	state           TEXT    NOT NULL,
	next_attempt_at INTEGER NOT NULL,
	error           TEXT    NOT NULL,
	request         TEXT,             -- JSON without the body; NULL: none was made
	request_body    TEXT    NOT NULL,
	response        TEXT,             -- JSON without the body; NULL: none came
	response_body   TEXT    NOT NULL
) STRICT;

CREATE INDEX attempts_id       ON attempts (id) WHERE number > 0;
CREATE INDEX attempts_event    ON attempts (seq);
CREATE INDEX attempts_account  ON attempts (account_id);
CREATE INDEX attempts_webhook  ON attempts (webhook_id);
CREATE INDEX attempts_delivery ON attempts (webhook_id, seq);
-- Success does not touch this one.
CREATE INDEX attempts_ended    ON attempts (state, seq, webhook_id) WHERE state IN ('failed', 'expired', 'cancelled');

-- AUTOINCREMENT: the id of a pruned reject never comes back.
CREATE TABLE rejects (
	id        INTEGER PRIMARY KEY AUTOINCREMENT,
	source_id TEXT    NOT NULL,
	at        INTEGER NOT NULL,
	doc       TEXT    NOT NULL,
	body      TEXT    NOT NULL
) STRICT;

CREATE INDEX rejects_source ON rejects (source_id);

-- The tables of the ledger, as in SQLite; what is different has its reason here.
-- Times are Unix microseconds, and -2^63 for "none". What a reader decides the order
-- of is COLLATE "C".

-- One row: who leads. Package cluster says what follows from it.
CREATE TABLE lease (
	epoch bigint      PRIMARY KEY,
	owner text        NOT NULL, -- '': nobody
	url   text        NOT NULL, -- where the others reach it
	until timestamptz NOT NULL -- by the clock of this database
) WITH (fillfactor = 10);

INSERT INTO lease VALUES (0, '', '', '-infinity');

-- One row.
CREATE TABLE meta (
	id            smallint PRIMARY KEY CHECK (id = 1),
	last_sequence bigint NOT NULL DEFAULT 0,
	last_attempt  bigint NOT NULL DEFAULT 0,
	watermark     bigint NOT NULL DEFAULT 0,
	batches       bigint NOT NULL DEFAULT 0,
	snapshots_at  bigint NOT NULL DEFAULT 0,
	key_check     bytea
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0); -- it changes with each transaction

INSERT INTO meta (id) VALUES (1);

CREATE TABLE accounts (
	n          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	id         text   COLLATE "C" NOT NULL UNIQUE,
	parent_id  text   NOT NULL,
	name       text   NOT NULL,
	created_at bigint NOT NULL
);

CREATE TABLE api_keys (
	n          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	id         text   COLLATE "C" NOT NULL UNIQUE,
	account_id text   NOT NULL,
	name       text   NOT NULL,
	hash       bytea  NOT NULL,
	created_at bigint NOT NULL
);

CREATE TABLE webhooks (
	n          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	id         text   COLLATE "C" NOT NULL UNIQUE,
	created_at bigint NOT NULL,
	doc        text   NOT NULL,
	sealed     bytea  NOT NULL
);

CREATE TABLE sources (
	n          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	id         text   COLLATE "C" NOT NULL UNIQUE,
	created_at bigint NOT NULL,
	doc        text   NOT NULL,
	sealed     bytea  NOT NULL
);

CREATE TABLE records (
	account_id text   COLLATE "C" NOT NULL,
	schema     text   COLLATE "C" NOT NULL,
	id         text   COLLATE "C" NOT NULL,
	doc        text   NOT NULL,
	created_at bigint NOT NULL,
	updated_at bigint NOT NULL,
	PRIMARY KEY (account_id, schema, id)
);

CREATE TABLE dialect_ids (
	account_id text   COLLATE "C" NOT NULL,
	schema     text   COLLATE "C" NOT NULL,
	id         text   COLLATE "C" NOT NULL,
	n          bigint NOT NULL,
	PRIMARY KEY (account_id, schema, id),
	UNIQUE (account_id, schema, n)
);

CREATE TABLE given_ids (
	account_id text   COLLATE "C" NOT NULL,
	dialect    text   COLLATE "C" NOT NULL,
	schema     text   COLLATE "C" NOT NULL,
	id         text   COLLATE "C" NOT NULL,
	value      text   COLLATE "C" NOT NULL,
	updated_at bigint NOT NULL,
	PRIMARY KEY (account_id, dialect, schema, id),
	UNIQUE (account_id, dialect, schema, value)
);

CREATE INDEX given_ids_value ON given_ids (account_id, schema, value);

-- The history. A partition is a day, made when the first slice of the day is opened,
-- and dropped when its last slice is. Bodies are packed already.
CREATE TABLE event_blocks (
	day       bigint NOT NULL,
	first     bigint NOT NULL,
	last      bigint NOT NULL,
	from_at   bigint NOT NULL,
	to_at     bigint NOT NULL,
	body      bytea  NOT NULL,
	snapshots bytea,
	PRIMARY KEY (day, first)
) PARTITION BY RANGE (day);

ALTER TABLE event_blocks ALTER body SET STORAGE EXTERNAL, ALTER snapshots SET STORAGE EXTERNAL;

CREATE TABLE attempt_blocks (
	day     bigint NOT NULL,
	first   bigint NOT NULL,
	last    bigint NOT NULL,
	from_at bigint NOT NULL,
	to_at   bigint NOT NULL,
	low     bigint NOT NULL,
	upto    bigint NOT NULL,
	body    bytea  NOT NULL,
	PRIMARY KEY (day, first)
) PARTITION BY RANGE (day);

ALTER TABLE attempt_blocks ALTER body SET STORAGE EXTERNAL;

CREATE TABLE slices (
	n             bigint PRIMARY KEY,
	first_event   bigint NOT NULL,
	first_attempt bigint NOT NULL,
	opened_at     bigint NOT NULL,
	from_at       bigint NOT NULL,
	to_at         bigint NOT NULL,
	low           bigint NOT NULL,
	bits          integer
);

CREATE TABLE history_index (
	part bigint PRIMARY KEY,
	body bytea  NOT NULL
);

ALTER TABLE history_index ALTER body SET STORAGE EXTERNAL;

CREATE TABLE event_ids (
	account_id text   COLLATE "C" NOT NULL,
	id         text   COLLATE "C" NOT NULL,
	expires_at bigint NOT NULL,
	PRIMARY KEY (account_id, id)
);

CREATE INDEX event_ids_expiry ON event_ids (expires_at);

CREATE TABLE snapshots (
	account_id text   COLLATE "C" NOT NULL,
	kind       text   COLLATE "C" NOT NULL,
	id         text   COLLATE "C" NOT NULL,
	root_id    text   NOT NULL,
	data       bytea  NOT NULL,
	updated_at bigint NOT NULL,
	PRIMARY KEY (account_id, kind, id)
) WITH (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0.05);

-- Rows come and go: they are narrow, and what is left of them goes soon, so that a
-- look-up stays as quick as it was.
CREATE TABLE due (
	webhook_id text     COLLATE "C" NOT NULL,
	seq        bigint   NOT NULL,
	lane       bigint   NOT NULL,
	attempts   integer  NOT NULL,
	tries      integer  NOT NULL,
	at         bigint   NOT NULL,
	held_since bigint   NOT NULL,
	still      bigint   NOT NULL,
	stray      smallint NOT NULL,
	replay     smallint NOT NULL,
	PRIMARY KEY (webhook_id, seq)
) WITH (fillfactor = 80, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

CREATE INDEX due_stray  ON due (webhook_id, at, seq) WHERE stray = 1;
CREATE INDEX due_replay ON due (seq) WHERE replay = 1;

-- The next rows, in the order of an index. What the server knows of a table whose rows
-- come and go is mostly out of date; then it would rather read all rows, those that are
-- dead too, and sort them.
CREATE FUNCTION next_due(webhook text, after bigint, most bigint) RETURNS SETOF due LANGUAGE sql STABLE
	SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
AS 'SELECT * FROM due WHERE webhook_id = webhook AND seq > after AND stray = 0 ORDER BY seq LIMIT most';

CREATE FUNCTION next_strays(webhook text, until bigint, most bigint) RETURNS SETOF due LANGUAGE sql STABLE
	SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
AS 'SELECT * FROM due WHERE webhook_id = webhook AND stray = 1 AND at <= until ORDER BY at, seq LIMIT most';

CREATE TABLE gates (
	webhook_id    text   COLLATE "C" PRIMARY KEY,
	failing_since bigint NOT NULL,
	still         bigint NOT NULL,
	still_since   bigint NOT NULL,
	reason        text   NOT NULL
);

CREATE TABLE jobs (
	id         text   COLLATE "C" PRIMARY KEY,
	created_at bigint NOT NULL,
	ended_at   bigint NOT NULL,
	"cursor"   bigint NOT NULL,
	"last"     bigint NOT NULL,
	doc        text   NOT NULL
);

CREATE TABLE rejects (
	id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	source_id text   COLLATE "C" NOT NULL,
	at        bigint NOT NULL,
	doc       text   NOT NULL,
	body      bytea  NOT NULL
);

CREATE INDEX rejects_source ON rejects (source_id);

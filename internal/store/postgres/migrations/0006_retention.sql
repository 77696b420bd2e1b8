ALTER TABLE deleted_accounts
	ADD COLUMN deleted_at bigint   NOT NULL DEFAULT 0,
	ADD COLUMN gone       smallint NOT NULL DEFAULT 0;

CREATE TABLE account_cuts (
	account_id text   COLLATE "C" PRIMARY KEY,
	upto       bigint NOT NULL
);

ALTER TABLE slices ADD COLUMN stale smallint NOT NULL DEFAULT 0;

-- Of deleted accounts history is taken out, too.
ALTER TABLE deleted_accounts ADD COLUMN deleted_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deleted_accounts ADD COLUMN gone       INTEGER NOT NULL DEFAULT 0; -- 1: nothing is left of it

-- How far accounts that keep less history than others have been cut out of it. Later
-- slices may still have something of them.
CREATE TABLE account_cuts (
	account_id TEXT    PRIMARY KEY,
	upto       INTEGER NOT NULL -- how many events and attempts lie before the next slice to look into
) STRICT, WITHOUT ROWID;

ALTER TABLE slices ADD COLUMN stale INTEGER NOT NULL DEFAULT 0; -- 1: its index still names what was taken out

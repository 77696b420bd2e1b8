-- doc is the JSON of what has no column.
ALTER TABLE accounts ADD COLUMN doc TEXT NOT NULL DEFAULT '{}';

-- Their ids are not given again: their history may outlive them, and is not to be read
-- by whoever comes next.
CREATE TABLE deleted_accounts (
	id TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Keys could do everything before there were roles.
ALTER TABLE api_keys ADD COLUMN role         TEXT    NOT NULL DEFAULT 'admin';
ALTER TABLE api_keys ADD COLUMN expires_at   INTEGER NOT NULL DEFAULT -9223372036854775808;
ALTER TABLE api_keys ADD COLUMN last_used_at INTEGER NOT NULL DEFAULT -9223372036854775808;
ALTER TABLE api_keys ADD COLUMN updated_at   INTEGER NOT NULL DEFAULT -9223372036854775808;

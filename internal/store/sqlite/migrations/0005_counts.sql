-- What happened in each step of a window, of all accounts and webhooks together, for
-- charts. Bounded by whoever writes it.
CREATE TABLE counts (
	step INTEGER NOT NULL, -- seconds
	at   INTEGER NOT NULL, -- when the step begins
	body BLOB    NOT NULL,
	PRIMARY KEY (step, at)
) STRICT;

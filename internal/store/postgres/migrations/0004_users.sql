CREATE TABLE users (
	n          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	id         text   COLLATE "C" NOT NULL UNIQUE,
	account_id text   NOT NULL,
	login      text   COLLATE "C" NOT NULL UNIQUE,
	name       text   NOT NULL,
	role       text   NOT NULL,
	password   text   NOT NULL,
	created_at bigint NOT NULL,
	updated_at bigint NOT NULL
);

CREATE TABLE sessions (
	hash       bytea  PRIMARY KEY,
	user_id    text   NOT NULL,
	key_id     text   NOT NULL,
	account_id text   NOT NULL,
	role       text   NOT NULL,
	created_at bigint NOT NULL,
	expires_at bigint NOT NULL
);

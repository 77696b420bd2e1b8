CREATE TABLE audit (
	id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	account_id  text   COLLATE "C" NOT NULL,
	at          bigint NOT NULL,
	actor       text   COLLATE "C" NOT NULL,
	action      text   COLLATE "C" NOT NULL,
	resource    text   COLLATE "C" NOT NULL,
	resource_id text   COLLATE "C" NOT NULL,
	doc         text   NOT NULL
);

CREATE INDEX audit_account ON audit (account_id);

-- compatible: 4
CREATE TABLE templates (
	n          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	account_id text   COLLATE "C" NOT NULL,
	id         text   COLLATE "C" NOT NULL,
	created_at bigint NOT NULL,
	doc        text   NOT NULL,
	UNIQUE (account_id, id)
);

CREATE TABLE template_versions (
	account_id text   COLLATE "C" NOT NULL,
	id         text   COLLATE "C" NOT NULL,
	version    bigint NOT NULL,
	doc        text   NOT NULL,
	PRIMARY KEY (account_id, id, version)
);

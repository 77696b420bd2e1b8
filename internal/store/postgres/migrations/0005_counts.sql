-- compatible: 4
CREATE TABLE counts (
	step bigint NOT NULL,
	at   bigint NOT NULL,
	body bytea  NOT NULL,
	PRIMARY KEY (step, at)
);

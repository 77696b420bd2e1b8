-- compatible: 4
ALTER TABLE users ADD COLUMN oidc_subject text COLLATE "C" NOT NULL DEFAULT '';

-- Whom the OpenID provider knows a user as; empty: by the login.
ALTER TABLE users ADD COLUMN oidc_subject TEXT NOT NULL DEFAULT '';

-- Bearer tokens of administrators. A revoked token stays in the list.

CREATE TABLE tokens (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  name          TEXT    NOT NULL,
  prefix        TEXT    NOT NULL,
  hash          BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32), -- SHA-256
  created_at_ms INTEGER NOT NULL,
  revoked_at_ms INTEGER
) STRICT;

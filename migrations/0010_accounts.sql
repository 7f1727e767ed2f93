-- Accounts of people, and the sessions of browsers that have logged in with them. Of every token only the SHA-256 is kept.

CREATE TABLE accounts (
  id                     INTEGER PRIMARY KEY AUTOINCREMENT,
  email                  TEXT    NOT NULL UNIQUE, -- in lower case
  role                   TEXT    NOT NULL CHECK (role IN ('admin', 'viewer')),
  password_hash          TEXT    NOT NULL, -- argon2id, as a PHC string
  created_at_ms          INTEGER NOT NULL,
  password_changed_at_ms INTEGER NOT NULL,
  last_login_at_ms       INTEGER
) STRICT;

CREATE TABLE sessions (
  hash            BLOB    NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
  account_id      INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  created_at_ms   INTEGER NOT NULL,
  last_seen_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_account ON sessions (account_id, last_seen_at_ms);
CREATE INDEX sessions_by_time ON sessions (created_at_ms);
CREATE INDEX sessions_by_last_seen ON sessions (last_seen_at_ms);

-- Browsers that have logged in with an account before: who attacks the account from elsewhere does not keep them out.
CREATE TABLE known_browsers (
  hash            BLOB    NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
  account_id      INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  logged_in_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX known_browsers_by_account ON known_browsers (account_id, logged_in_at_ms);
CREATE INDEX known_browsers_by_time ON known_browsers (logged_in_at_ms);

-- The link that creates the first account.
CREATE TABLE set_up_link (
  only           INTEGER PRIMARY KEY CHECK (only = 1),
  hash           BLOB    NOT NULL CHECK (length(hash) = 32),
  valid_until_ms INTEGER NOT NULL
) STRICT;

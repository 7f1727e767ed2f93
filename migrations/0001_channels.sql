-- Channels, the keys that open them, and their entries.
-- Times are milliseconds UTC. Field values are TEXT, as the device sent them.

CREATE TABLE schema_migrations (
  version       INTEGER PRIMARY KEY,
  name          TEXT    NOT NULL,
  porta_version TEXT    NOT NULL,
  applied_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE channels (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  name          TEXT    NOT NULL,
  last_entry_id INTEGER NOT NULL DEFAULT 0 CHECK (last_entry_id >= 0),
  retention_ms  INTEGER CHECK (retention_ms > 0), -- NULL keeps all
  created_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE api_keys (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  channel_id    INTEGER NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
  kind          TEXT    NOT NULL CHECK (kind IN ('write', 'read')),
  prefix        TEXT    NOT NULL,
  hash          BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32), -- SHA-256
  created_at_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX api_keys_by_channel ON api_keys (channel_id);

-- Clustered by channel and entry, so that a channel's newest entries lie on few pages.
CREATE TABLE entries (
  channel_id    INTEGER NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
  entry_id      INTEGER NOT NULL CHECK (entry_id >= 1),
  created_at_ms INTEGER NOT NULL,
  field1        TEXT,
  field2        TEXT,
  field3        TEXT,
  field4        TEXT,
  field5        TEXT,
  field6        TEXT,
  field7        TEXT,
  field8        TEXT,
  PRIMARY KEY (channel_id, entry_id)
) STRICT, WITHOUT ROWID;

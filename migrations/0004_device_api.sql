-- What the device API needs: a channel's settings, and entries that carry their own time and place.

ALTER TABLE channels ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE channels ADD COLUMN public INTEGER NOT NULL DEFAULT 0 CHECK (public IN (0, 1));
ALTER TABLE channels ADD COLUMN timezone TEXT NOT NULL DEFAULT 'UTC';
-- Labels; a field without one does not appear in feeds.
ALTER TABLE channels ADD COLUMN field1 TEXT DEFAULT 'Field 1';
ALTER TABLE channels ADD COLUMN field2 TEXT DEFAULT 'Field 2';
ALTER TABLE channels ADD COLUMN field3 TEXT DEFAULT 'Field 3';
ALTER TABLE channels ADD COLUMN field4 TEXT DEFAULT 'Field 4';
ALTER TABLE channels ADD COLUMN field5 TEXT DEFAULT 'Field 5';
ALTER TABLE channels ADD COLUMN field6 TEXT DEFAULT 'Field 6';
ALTER TABLE channels ADD COLUMN field7 TEXT DEFAULT 'Field 7';
ALTER TABLE channels ADD COLUMN field8 TEXT DEFAULT 'Field 8';
ALTER TABLE channels ADD COLUMN latitude TEXT;
ALTER TABLE channels ADD COLUMN longitude TEXT;
ALTER TABLE channels ADD COLUMN elevation TEXT;
ALTER TABLE channels ADD COLUMN metadata TEXT;
-- At least so long between two updates; NULL does not limit.
ALTER TABLE channels ADD COLUMN update_interval_ms INTEGER CHECK (update_interval_ms > 0);
ALTER TABLE channels ADD COLUMN last_update_at_ms INTEGER;
-- When the settings last changed, or entries were taken away other than by retention; it always goes up.
ALTER TABLE channels ADD COLUMN updated_at_ms INTEGER NOT NULL DEFAULT 0;
UPDATE channels SET updated_at_ms = created_at_ms;

CREATE INDEX channels_public ON channels (id) WHERE public = 1;

-- A channel's entries belong to a series. A channel that is cleared gets a new one, a deleted channel leaves its series
-- without a channel, and what is left behind is deleted in small steps: neither holds up the devices of other channels.
CREATE TABLE series (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  channel_id INTEGER UNIQUE REFERENCES channels (id) ON DELETE SET NULL
) STRICT;

INSERT INTO series (channel_id) SELECT id FROM channels ORDER BY id;

-- Clustered by time, since that is how feeds, ranges, aggregates, retention and export read them. A device's clock may
-- go wrong and an import may add the past, so that the order of ids need not be the order of time.
CREATE TABLE entries_by_time (
  series_id     INTEGER NOT NULL, -- no foreign key: it would be looked up for each row, and the writer has just read it
  created_at_ms INTEGER NOT NULL,
  entry_id      INTEGER NOT NULL CHECK (entry_id >= 1),
  field1        TEXT,
  field2        TEXT,
  field3        TEXT,
  field4        TEXT,
  field5        TEXT,
  field6        TEXT,
  field7        TEXT,
  field8        TEXT,
  latitude      TEXT,
  longitude     TEXT,
  elevation     TEXT,
  status        TEXT,
  PRIMARY KEY (series_id, created_at_ms, entry_id)
) STRICT, WITHOUT ROWID;

INSERT INTO entries_by_time
  (series_id, created_at_ms, entry_id, field1, field2, field3, field4, field5, field6, field7, field8)
SELECT series.id, created_at_ms, entry_id, field1, field2, field3, field4, field5, field6, field7, field8
FROM entries JOIN series USING (channel_id);

DROP TABLE entries;
ALTER TABLE entries_by_time RENAME TO entries;

CREATE UNIQUE INDEX entries_by_id ON entries (series_id, entry_id);

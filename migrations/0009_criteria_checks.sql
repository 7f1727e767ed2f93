-- Checks by `porta criteria check`: what each found and by what values, so that a change can be told from what was
-- before, and a trend be seen. NULL is what was not known.

CREATE TABLE criteria_checks (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  checked_at_ms INTEGER NOT NULL,
  verdict       TEXT    NOT NULL CHECK (verdict IN ('ok', 'unknown', 'warning', 'critical')),
  settled       TEXT    NOT NULL CHECK (settled IN ('ok', 'unknown', 'warning', 'critical')), -- after damping
  rung          TEXT, -- of the ladder
  reason        TEXT    NOT NULL,
  agents        REAL,
  p95           REAL, -- milliseconds
  cv            REAL, -- percent
  db_size       REAL, -- bytes
  rps           REAL,
  red_flags     INTEGER NOT NULL,
  evidence      TEXT -- JSON; kept of one check an hour, to be judged again by other thresholds
) STRICT;

CREATE INDEX criteria_checks_with_evidence ON criteria_checks (id) WHERE evidence IS NOT NULL;

-- When something was done last that a later check asks for.
CREATE TABLE milestones (
  name  TEXT    NOT NULL PRIMARY KEY CHECK (name IN ('alert', 'backup', 'plan')),
  at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The server that was started last: whether its settings fit the machine is judged later, by another process.
CREATE TABLE server_start (
  only           INTEGER PRIMARY KEY CHECK (only = 1),
  started_at_ms  INTEGER NOT NULL,
  workers        INTEGER NOT NULL,
  cores          INTEGER NOT NULL,
  queue_capacity INTEGER NOT NULL
) STRICT;

-- What a server remembers of itself. A period is a minute, an hour or a day; older ones are merged into longer ones, so
-- that these tables stay small. Latencies are HdrHistograms (V2 encoding, nanoseconds, two digits), which merge.

CREATE TABLE request_metrics (
  period_ms    INTEGER NOT NULL CHECK (period_ms IN (60000, 3600000, 86400000)),
  starts_at_ms INTEGER NOT NULL,
  route        TEXT    NOT NULL,
  traffic      TEXT    NOT NULL CHECK (traffic IN ('live', 'stress')),
  status_1xx   INTEGER NOT NULL,
  status_2xx   INTEGER NOT NULL,
  status_3xx   INTEGER NOT NULL,
  status_4xx   INTEGER NOT NULL,
  status_5xx   INTEGER NOT NULL,
  gone         INTEGER NOT NULL, -- the client went away before the answer
  latency      BLOB    NOT NULL,
  PRIMARY KEY (period_ms, starts_at_ms, route, traffic)
) STRICT, WITHOUT ROWID;

-- All servers on this database together: times add up, so that utilisation is busy_us / observed_us.
CREATE TABLE server_metrics (
  period_ms                    INTEGER NOT NULL CHECK (period_ms IN (60000, 3600000, 86400000)),
  starts_at_ms                 INTEGER NOT NULL,
  live_requests                INTEGER NOT NULL,
  live_requests_per_minute_max INTEGER NOT NULL,
  observed_us                  INTEGER NOT NULL,
  busy_us                      INTEGER NOT NULL,
  batches                      INTEGER NOT NULL,
  updates                      INTEGER NOT NULL,
  batch_updates_max            INTEGER NOT NULL,
  commit_latency               BLOB    NOT NULL,
  queue_wait                   BLOB    NOT NULL,
  busy_waits                   INTEGER NOT NULL,
  busy_waited_us               INTEGER NOT NULL,
  lock_errors                  INTEGER NOT NULL,
  checkpoints                  INTEGER NOT NULL,
  checkpointing_us             INTEGER NOT NULL,
  wal_frames_max               INTEGER NOT NULL,
  checkpoint_lag_max           INTEGER NOT NULL,
  cpu_us                       INTEGER NOT NULL,
  memory_bytes_max             INTEGER NOT NULL,
  PRIMARY KEY (period_ms, starts_at_ms)
) STRICT, WITHOUT ROWID;

-- What went wrong, how often and when, so that nobody has to search a log for it.
CREATE TABLE incidents (
  kind        TEXT    NOT NULL CHECK (kind IN ('server_error', 'lock_error', 'fault')),
  cause       TEXT    NOT NULL,
  count       INTEGER NOT NULL,
  first_at_ms INTEGER NOT NULL,
  last_at_ms  INTEGER NOT NULL,
  PRIMARY KEY (kind, cause)
) STRICT, WITHOUT ROWID;

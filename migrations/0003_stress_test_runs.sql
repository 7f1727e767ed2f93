-- Stress-test runs: configuration, results and the whole report. Columns repeat what lists and comparisons need of
-- results_json. Latencies are milliseconds, durations seconds, efficiency and CV percent.

CREATE TABLE stress_test_runs (
  id                  INTEGER PRIMARY KEY AUTOINCREMENT,
  channel_id          INTEGER,
  workers             INTEGER NOT NULL,
  target_rps          INTEGER, -- NULL: as fast as possible
  duration            REAL    NOT NULL,
  total_requests      INTEGER NOT NULL DEFAULT 0,
  successful_requests INTEGER NOT NULL DEFAULT 0,
  failed_requests     INTEGER NOT NULL DEFAULT 0,
  actual_rps          REAL    NOT NULL DEFAULT 0,
  efficiency          REAL,
  avg_latency_ms      REAL,
  min_latency_ms      REAL,
  max_latency_ms      REAL,
  p50_latency_ms      REAL,
  p95_latency_ms      REAL,
  p99_latency_ms      REAL,
  cv_latency          REAL,
  grade               TEXT,
  validity            TEXT,
  status              TEXT    NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
  started_at_ms       INTEGER NOT NULL,
  completed_at_ms     INTEGER,
  error_message       TEXT,
  results_json        TEXT
) STRICT;

-- The agent bridge: who has asked, what was run for them, and what was asked for asynchronously.

CREATE TABLE agents (
  id               TEXT    NOT NULL PRIMARY KEY,
  created_at_ms    INTEGER NOT NULL,
  last_seen_at_ms  INTEGER NOT NULL,
  last_live_at_ms  INTEGER, -- NULL where only a stress test has been it
  total_operations INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE INDEX agents_by_last_live ON agents (last_live_at_ms);

-- The audit trail: a row is there before its command begins.
CREATE TABLE agent_operations (
  id             INTEGER PRIMARY KEY,
  agent_id       TEXT REFERENCES agents (id), -- NULL where none was named
  operation_type TEXT    NOT NULL CHECK (operation_type IN ('run_bash', 'pipeline')),
  command        TEXT    NOT NULL,
  peer           TEXT    NOT NULL,
  job_id         TEXT,
  place          INTEGER NOT NULL, -- in its pipeline, from 0
  state          TEXT    NOT NULL CHECK (state IN ('running', 'done', 'timeout', 'cancelled', 'interrupted', 'failed')),
  instance       TEXT    NOT NULL, -- the server that runs it
  started_at_ms  INTEGER NOT NULL,
  took_us        INTEGER,
  exit_code      INTEGER,
  stdout         TEXT,
  stderr         TEXT,
  truncated      INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX agent_operations_by_agent ON agent_operations (agent_id, started_at_ms);
CREATE INDEX agent_operations_by_type ON agent_operations (agent_id, operation_type, started_at_ms);
CREATE INDEX agent_operations_by_time ON agent_operations (started_at_ms);
CREATE INDEX agent_operations_running ON agent_operations (instance) WHERE state = 'running';

-- How many of an agent's operations are kept: counting a million takes a tenth of a second.
CREATE TABLE agent_operation_counts (
  agent_id       TEXT    NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
  operation_type TEXT    NOT NULL,
  kept           INTEGER NOT NULL,
  PRIMARY KEY (agent_id, operation_type)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER agent_operation_begun AFTER INSERT ON agent_operations WHEN new.agent_id IS NOT NULL BEGIN
  UPDATE agents SET total_operations = total_operations + 1 WHERE id = new.agent_id;
  INSERT INTO agent_operation_counts (agent_id, operation_type, kept) VALUES (new.agent_id, new.operation_type, 1)
    ON CONFLICT DO UPDATE SET kept = kept + 1;
END;

CREATE TRIGGER agent_operation_deleted AFTER DELETE ON agent_operations WHEN old.agent_id IS NOT NULL BEGIN
  UPDATE agent_operation_counts SET kept = kept - 1
    WHERE agent_id = old.agent_id AND operation_type = old.operation_type;
END;

-- What was asked for with `Prefer: respond-async`.
CREATE TABLE jobs (
  id            TEXT    NOT NULL PRIMARY KEY,
  state         TEXT    NOT NULL CHECK (state IN ('running', 'done', 'cancelled', 'interrupted')),
  instance      TEXT    NOT NULL, -- the server that runs it
  started_at_ms INTEGER NOT NULL,
  ended_at_ms   INTEGER,
  answer        TEXT    NOT NULL -- JSON
) STRICT, WITHOUT ROWID;

CREATE INDEX jobs_by_time ON jobs (started_at_ms);
CREATE INDEX jobs_running ON jobs (instance) WHERE state = 'running';

ALTER TABLE server_metrics ADD COLUMN active_agents_max INTEGER NOT NULL DEFAULT 0;

-- Which runs can be compared: the same configuration, and the same machine. Taken from the report, so that the two cannot
-- disagree; NULL for runs of versions that did not say.

ALTER TABLE stress_test_runs ADD COLUMN config_hash TEXT
  GENERATED ALWAYS AS (iif(json_valid(results_json), results_json ->> '$.identity.config_hash', NULL)) VIRTUAL;
ALTER TABLE stress_test_runs ADD COLUMN machine_hash TEXT
  GENERATED ALWAYS AS (iif(json_valid(results_json), results_json ->> '$.identity.machine_hash', NULL)) VIRTUAL;

CREATE INDEX stress_test_runs_by_identity ON stress_test_runs (config_hash, machine_hash, started_at_ms);

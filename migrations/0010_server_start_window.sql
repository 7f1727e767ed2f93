-- How long an agent is active after it was seen, as the server was told: checks count by the same. Servers that were started
-- before this was noted had five minutes, unless they were told otherwise.

ALTER TABLE server_start ADD COLUMN agent_window_ms INTEGER NOT NULL DEFAULT 300000;

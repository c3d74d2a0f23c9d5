-- What agents have said. Can be applied any number of times.
CREATE SCHEMA IF NOT EXISTS agents;

CREATE TABLE IF NOT EXISTS agents.answers (
    execution_id bigint      PRIMARY KEY,
    user_id      text        NOT NULL,
    agent        text        NOT NULL,
    asked_at     timestamptz NOT NULL,
    answer       text        NOT NULL
);

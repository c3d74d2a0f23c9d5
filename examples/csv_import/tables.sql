-- Where the example imports to. Can be applied any number of times.
CREATE SCHEMA IF NOT EXISTS csv_import;

CREATE TABLE IF NOT EXISTS csv_import.orders (
    order_id   bigint        PRIMARY KEY,
    customer   text          NOT NULL,
    ordered_on date          NOT NULL,
    amount     numeric(12,2) NOT NULL CHECK (amount >= 0)
);

-- One row for each content that was imported: what makes the import safe to repeat.
CREATE TABLE IF NOT EXISTS csv_import.files (
    project       text        NOT NULL,
    table_name    text        NOT NULL,
    sha256        text        NOT NULL,
    file          text        NOT NULL,
    execution_id  bigint      NOT NULL,
    scheduled_for timestamptz NOT NULL,
    imported_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project, table_name, sha256)
);

-- From $1 timestamptz on the ledger is whole, if it was not to begin later still. Once days were dropped it always lies
-- after the installation's beginning, be they days from before that: so it is told that there was something.
UPDATE rowcall.installation AS i
   SET history_floor_at = greatest(
           i.history_floor_at, $1::timestamptz,
           CASE WHEN $1::timestamptz IS NOT NULL THEN i.created_at + interval '1 microsecond' END)
RETURNING i.history_floor_at

-- From $1 timestamptz on the ledger is whole, if it was not to begin later still.
UPDATE rowcall.installation AS i
   SET history_floor_at = greatest(i.history_floor_at, $1::timestamptz)
RETURNING i.history_floor_at

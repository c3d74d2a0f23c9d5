-- From where on the ledger is whole.
SELECT i.history_floor_at FROM rowcall.installation AS i

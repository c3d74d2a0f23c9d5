-- Before which moment retention has dropped days; NULL if it never has.
SELECT i.history_floor_at FROM rowcall.installation AS i WHERE i.history_floor_at > i.created_at

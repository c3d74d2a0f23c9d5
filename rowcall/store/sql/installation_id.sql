-- The id of this installation.
SELECT i.installation_id FROM rowcall.installation AS i

-- The schedule $1 bigint belongs to the source $2 text from now on, and no longer to code.
UPDATE rowcall.schedules AS s
   SET source = $2, is_static = false
 WHERE s.schedule_id = $1

-- Sum up the detached day in the table $1 text, to be dropped next; how many executions it holds, or NULL if it had to
-- come back.
SELECT rowcall.sum_up_day($1)

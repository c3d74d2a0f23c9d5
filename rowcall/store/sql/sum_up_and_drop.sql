-- Sum up the detached day in the table $1 text, and drop it; how many executions it held, or NULL if it had to come back.
SELECT rowcall.sum_up_and_drop($1)

-- Write down what the executions $1 bigint[] at $2 timestamptz[], which have just become final, have to tell; how many.
SELECT rowcall.tell($1::bigint[], $2::timestamptz[])

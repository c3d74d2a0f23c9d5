-- Whether something is open of the day that ends at $1 timestamptz.
SELECT EXISTS (SELECT FROM rowcall.open_executions AS o
                WHERE o.scheduled_for >= $1::timestamptz - interval '1 day' AND o.scheduled_for < $1::timestamptz)

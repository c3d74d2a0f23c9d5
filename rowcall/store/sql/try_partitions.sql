-- Make the partition for the day of $1 timestamptz, if it is not there; false if that day can't be written to now.
SELECT rowcall.try_partitions($1::timestamptz, $1::timestamptz)

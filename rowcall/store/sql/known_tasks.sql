-- What a definition is judged by: the moment, and every task type that was ever offered.
SELECT clock_timestamp() AS now, ARRAY(SELECT t.task_type FROM rowcall.tasks AS t) AS task_types

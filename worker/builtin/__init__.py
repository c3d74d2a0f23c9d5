"""The built-in task types: `http`, and what the operator wrote down under a name, `sql` and `shell`.

    http_task.py    a request to where the allow list lets it go
    sql_task.py     a named statement, as a role of its own, in one transaction with the end of its execution
    shell_task.py   a named command, without a shell;  commands.py, command_keeper.py: its process
    named.py        the operator's files;  asking.py: what input_data asks for of them

`input_data` gives a name and parameters, never text to execute: whoever may write schedules may run what the operator
wrote down, and nothing else.
"""

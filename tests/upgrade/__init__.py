"""From the schema of an older Rowcall to that of this one, while its workers go on.

growing.py    which numbered file holds what, and how the newest is made from schema.sql: ``make migrations``
structure.py  what a database consists of, so that two can be compared
history.py    the code of older Rowcalls, as git has it
"""

"""Schedules in files: read, held against what is there, written; and written out again.

texts.py       files, folders and standard input, as text
yaml_text.py   text as values, each with the line it stands on
reading.py     values as entries, and every fault in them
planning.py    entries as a plan
applying.py    ``rowcall apply`` and ``rowcall diff``
showing.py     a plan, for people and for scripts
writing.py     schedules as the text of a file
exporting.py   ``rowcall export``
crontab.py     ``rowcall import crontab``
"""

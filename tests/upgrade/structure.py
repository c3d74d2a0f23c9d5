"""What the schema of a database consists of, read from PostgreSQL's own catalogues, so that two can be compared.

Needs none of PostgreSQL's programs. Partitions are named for days, so of these only the form is told. In which order a
table has its columns is not told: what is added to one comes last, and no statement of ours counts on it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg

PARTS = {
    "tables": """
        SELECT c.relname, c.relkind::text, pg_get_partkeydef(c.oid), c.relacl::text, obj_description(c.oid, 'pg_class'),
               (SELECT string_agg(option, ', ' ORDER BY option) FROM unnest(c.reloptions) AS o (option))
          FROM pg_class AS c
         WHERE c.relnamespace = 'rowcall'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')""",
    "columns": """
        SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity::text,
               a.attgenerated::text, a.attstorage::text, pg_get_expr(d.adbin, d.adrelid), a.attacl::text
          FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
          LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
         WHERE c.relnamespace = 'rowcall'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
           AND a.attnum > 0 AND NOT a.attisdropped""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint
         WHERE connamespace = 'rowcall'::regnamespace""",
    "indexes": """
        SELECT i.indrelid::regclass::text, pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisclustered
          FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
         WHERE c.relnamespace = 'rowcall'::regnamespace""",
    "functions": """
        SELECT p.proname, pg_get_functiondef(p.oid), p.proacl::text FROM pg_proc AS p
         WHERE p.pronamespace = 'rowcall'::regnamespace AND p.prokind IN ('f', 'p')""",
    "triggers": """
        SELECT t.tgrelid::regclass::text, pg_get_triggerdef(t.oid), t.tgenabled::text
          FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
         WHERE c.relnamespace = 'rowcall'::regnamespace AND NOT t.tgisinternal""",
    "views": """
        SELECT viewname, definition FROM pg_views WHERE schemaname = 'rowcall'""",
    "sequences": """
        SELECT sequencename, data_type::text, start_value, increment_by, max_value, cycle, cache_size FROM pg_sequences
         WHERE schemaname = 'rowcall'""",
    "types": """
        SELECT t.typname, t.typtype::text, format_type(t.typbasetype, t.typtypmod),
               (SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid)
          FROM pg_type AS t
         WHERE t.typnamespace = 'rowcall'::regnamespace AND t.typtype IN ('d', 'e', 'r')""",
    "schema": """
        SELECT nspname, nspacl::text FROM pg_namespace WHERE nspname = 'rowcall'""",
}

_A_DAY = re.compile(r"schedule_executions_\d{8}")
_A_MOMENT = re.compile(r"'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[^']*'")


async def structure(connection: asyncpg.Connection[Any]) -> dict[str, list[str]]:
    """Everything in the schema "rowcall", as sorted lines of text by kind."""
    await connection.execute("SET search_path = pg_catalog")
    return {kind: sorted({_line(row) for row in await connection.fetch(sql)}) for kind, sql in PARTS.items()}


def differences(found: Mapping[str, Sequence[str]], wanted: Mapping[str, Sequence[str]]) -> str:
    """What is found and not wanted (-), and wanted and not found (+), kind by kind; nothing where they agree."""
    told = []
    for kind in wanted:
        before, after = ("\n".join(each[kind]).splitlines() for each in (found, wanted))
        told += [f"{kind}: {line}" for line in list(difflib.unified_diff(before, after, n=1, lineterm=""))[2:]]
    return "\n".join(told)


def _line(row: asyncpg.Record) -> str:
    text = " | ".join(str(value) for value in row)
    return _A_MOMENT.sub("'a moment'", _A_DAY.sub("schedule_executions_DAY", text))

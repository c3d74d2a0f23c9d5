"""Two kinds of agents for one kind of task: a schedule says which capability it needs, and only such an agent gets it.

    rowcall worker --app agents:translator
    rowcall worker --app agents:summarizer

Each runs on as many machines as you like. A schedule of the task type `agent-task` with `capability_required` set to
`translation` goes to the first, with `summary` to the second; its text is in input_data: {"text": "…"}.
"""

from __future__ import annotations

import re
from uuid import NAMESPACE_URL, uuid5

import rowcall

DICTIONARY = {"good": "bon", "day": "jour", "the": "le", "train": "train", "leaves": "part", "early": "tôt"}

translator = rowcall.App("translator")
summarizer = rowcall.App("summarizer")


@translator.task("agent-task", capability="translation")
async def translate(run: rowcall.Run) -> dict[str, str]:
    """Translates word by word; what it does not know stays as it is."""
    text = re.sub(r"\w+", lambda word: DICTIONARY.get(word[0].lower(), word[0]), run.input_data["text"])
    return {"task_id": task_id(run), "agent": "translator", "text": text}


@summarizer.task("agent-task", capability="summary")
async def summarize(run: rowcall.Run) -> dict[str, str]:
    """Keeps the first sentence."""
    first, _, _ = run.input_data["text"].partition(". ")
    return {"task_id": task_id(run), "agent": "summarizer", "text": first}


def task_id(run: rowcall.Run) -> str:
    """The agent's own id for this piece of work: the same however often it is tried."""
    return str(uuid5(NAMESPACE_URL, run.idempotency_key))

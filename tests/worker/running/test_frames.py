"""What worker and child say to each other."""

from __future__ import annotations

import pytest

from rowcall.worker.running.frames import LENGTH, LONGEST, length_of, pack, run_from_frame, run_to_frame, unpack

from .helpers import a_run


def test_a_frame_comes_out_as_it_went_in() -> None:
    packed = pack({"kind": "stop", "reason": "Grüße\0"})
    assert length_of(packed[: LENGTH.size]) == len(packed) - LENGTH.size
    assert unpack(packed[LENGTH.size :]) == {"kind": "stop", "reason": "Grüße\0"}


def test_a_run_comes_out_as_it_went_in_but_for_its_signal() -> None:
    run = a_run("report", input_data={"a": [1, None]}, attempt=3)
    again = run_from_frame(unpack(pack(run_to_frame(run))[LENGTH.size :]))
    assert run_to_frame(again) == run_to_frame(run)
    assert again.scheduled_for == run.scheduled_for
    assert again.signal is not run.signal


def test_what_is_no_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="something else wrote"):
        length_of(LENGTH.pack(LONGEST + 1))
    with pytest.raises(ValueError, match="a JSON object was expected, found a list"):
        unpack(b"[]")
    with pytest.raises(TypeError):
        pack({"kind": object()})

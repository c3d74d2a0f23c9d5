"""Cron: text and fields to instants.

    grammar     text -> normal form, strictly
    slots       the stable slot behind `H`
    calendar    normal form -> matches in naive local time, computed by croniter
    fields      cron_fields -> matches in naive local time
    wallclock   local matches -> instants, across gaps and folds
    describe    any trigger in plain English

Only `rowcall.domain.triggers` is meant to be used from outside.
"""

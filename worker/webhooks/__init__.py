"""Webhooks: what stands in the outbox, delivered by any worker, beside its executions and never in their slots.

`deliverer` takes what is due and notes how it went, `sending` is one try: signed, and sent through the same door as
`http` tasks. There is no leader; two workers never take one delivery, and one that dies is replaced.
"""

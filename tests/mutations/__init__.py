"""Proof that the tests would notice: one promise is broken at a time, and the test that is named for it has to fail.

fence.py, lease.py, claim.py  what is broken: edits of the source, and the tests that see them
catalogue.py  all of them
mutation.py   a mutation, and a copy of the tree that it is applied to
__main__.py   make mutations

The commands take minutes; test_mutations.py, which always runs, sees that every mutation still finds what it edits.
"""

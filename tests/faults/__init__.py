"""Faults on real sockets: every scenario of the fault matrix, what it measured, and beside it the target.

``python -m faults`` with ``tests`` and ``tests/python`` on the path; `make faults` does that. See docs/testing.md.
"""

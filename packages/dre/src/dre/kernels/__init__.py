"""Numerical kernels: arrays in, arrays out.

Nothing here reads files, logs, or knows a configuration; every kernel states its formula and its source,
and has a slow, obvious twin in the tests.
"""

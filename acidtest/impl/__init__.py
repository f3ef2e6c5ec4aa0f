"""Minimal reference implementations, one file per pattern: what the contracts are kept by, and what to read first.

They receive an environment like any application, and know nothing of properties, searches or the world.
"""

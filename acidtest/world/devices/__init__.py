"""Everything outside that code under test talks to, beside databases: one module or folder each, and `table`, which lists them.

What a device is stands in `acidtest.world.core.device`. Start with `clock`, the smallest.
"""

"""Contracts that are written in one file, by whoever has the code: `declared` is what clients call and outsiders read, `invariants`
what must hold, `capabilities` of whom, `gathering` collects both from a class, `seen` what invariants are given, `scopes` what is explored, `network` who talks to whom there, `drawing` what the stateful search draws, `contract`
puts them together: it makes of the declarations the very things that the contracts of the patterns consist of.
"""

"""The databases of the world: a folder for each kind, and what they share.

`table` lists the kinds, and opens one. What a kind has to offer is in `acidtest.world.core.backend`. Two things are shared:
`statement`, what any SQL says about itself, and `awaited`, what an asynchronous engine is made of.

A new kind is a folder with the same file names, and a row in `table`; `sqlite` is the one to read first.
"""

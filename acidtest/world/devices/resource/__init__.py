"""Resource managers of distributed transactions.

`manager` is one that is played, `faults` what may befall its calls; `server` is one that is a database, in the words of `dialects`, with
`naming` for the names of branches and `works` for what they have done; `device` has all of a world.
"""

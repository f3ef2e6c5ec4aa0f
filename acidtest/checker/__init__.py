"""A model checker: abstract state machines as values, and what is so in every state that they can reach.

It knows no pattern, no contract and no running code, and imports nothing else of acidtest. Read in this order:

- `machine`: what a `Model`, a `Property` and an `Action` are; all else is built on these.
- `breadth_first`: the search through all states, with the shortest run to each.
- `liveness`: what must come on every fair run, and the cycle on which it never does.
- `check`: the exhaustive check itself: `check` judges properties of all kinds, `reachable` gives the whole graph.
- `refinement`: that every run of one machine, mapped, is a run of another.
- `theory`: claims as values: a model with its sizes, switches, properties and theorems, and what that means to a reader.
- `proof`: checks such claims, and finds what was claimed and never put to the test.

Each imports only those before it. Whoever writes a model needs `machine` and `check` at first.
"""

"""What each pattern promises and what it cannot: abstract state machines, pure and exhaustively checkable.

Nothing here imports anything else of acidtest but the checker. Read `acidtest.checker.machine` first; then, as the smallest
examples, `acidtest.models.shared.atomic_commitment` and the protocol that implements it,
`acidtest.models.two_phase_commit.phases`. After that any folder will do: each says in which order to read it.

- A file has one machine, with the `Study` of what is claimed of it; where that is too long, the machine is `<name>.py`, and
  the claims are `<name>_study.py`.
- `service.py` is the machine that running code is followed against: what outsiders see, however it works inside. A
  pattern of which only models exist has none. In `tcc` there are two: `participant.py` and `coordinator.py`.
- `shared` has what the models of several patterns are built on.
- What all of it comes to for a pattern, in words for a reader, is `THEORY` in `acidtest.properties.<pattern>.theory`.
"""

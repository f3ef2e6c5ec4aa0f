"""The core of a world: what a run is made of, whatever databases and devices there are.

Read `effects` first (effects, faults, decisions: the words of a schedule), then `process` (processes, incarnations, tasks),
`carrier` (what carries a task), `world` (a run), `actors` and `session` (who goes on in it), `events` (what is observed),
`late` (effects that were late), `time`. `device` and `backend` say what the core asks of devices and databases, `sources` how
operations get what a device gives them, `env` what code under test is given, `cluster` and `host` what is used again run after
run, `locks` how waiting for a lock of Python's parks a call.
"""

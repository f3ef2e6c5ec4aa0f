"""Try-Confirm/Cancel (TCC).

Read in this order:

- `several_commits`: what the protocol implements: atomic commitment of transactions that compete.
- `protocol`: coordinator and services at once, with calls that are lost, late and duplicated.
- `protocol_study`: what it guarantees, what it cannot, and which rule each guarantee rests on.
- `participant`: one service as outsiders see it, whoever coordinates; running code of services is followed here.
- `coordinator`: the coordinator as its clients and the services see it; running code of coordinators is followed here.
"""

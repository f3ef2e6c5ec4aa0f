"""Local ACID transactions.

Read in this order:

- `serialization_graph`: what a history is, and the phenomena by which levels of isolation are told apart.
- `isolation`: transactions at three levels, beside each other and through crashes: which level lets which phenomenon pass.
- `service`: transfers and reads as clients see them; running code is followed here.
"""

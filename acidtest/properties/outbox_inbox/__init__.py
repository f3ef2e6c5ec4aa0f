"""The contract of outboxes and inboxes in a chain: `port` is what an implementation offers, `view` what is seen of it, `properties`
what must hold, with the predicates of `predicates`, `scopes` what is explored completely, `stories` what the stateful search draws
from, `contract` puts them together. What is proved of the models is in `theory`.
"""

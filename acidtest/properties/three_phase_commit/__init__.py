"""The contract of three-phase commit: `port` is what the sites offer, `view` what is seen of them, `properties` what must hold, with the
predicates of `predicates`, `scopes` what is explored completely, `stories` what the stateful search draws from, `contract` puts them
together. What is proved of the models is in `theory`.
"""

"""The contract of the inbox: `port` is what an implementation offers, `view` what is seen of it, `predicates` and `properties`
what must hold, `scopes` what is explored completely, `stories` what the stateful search draws from, `contract` puts them
together, `theory` is what is proved of its models.
"""

"""The contract of XA transactions: `port` is what a transaction manager offers, `calls` what clients call instead of it, `view` what is
seen of it, `predicates` and `properties` what must hold, `scopes` what is explored completely, `stories` what the stateful search
draws from, `contract` puts them together, and `theory` says what is proved of the models of XA.
"""

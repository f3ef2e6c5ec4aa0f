"""The contract of a resource manager of XA: `port` is what an implementation offers, `calls` what clients call instead of it, `view` what
is seen of it, `predicates` and `properties` what must hold, `scopes` what is explored completely, `stories` what the stateful search
draws from, `contract` puts them together. What is proved of its models is in the theory of XA.
"""

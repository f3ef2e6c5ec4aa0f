"""The contract of compensating transactions: `port` is what an implementation offers, `view` what is seen of it,
`properties` what must hold, `scopes` what is explored completely, `stories` what the stateful search draws from,
`contract` puts them together, `theory` is what is proved of its models.
"""

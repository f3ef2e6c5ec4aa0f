"""The contract of the saga with an orchestrator: `port` is what an implementation offers, `view` what is seen of it, `properties` what
must hold, `scopes` what is explored completely, `stories` what the stateful search draws from, `contract` puts them together.
What both styles share, and what is proved of the models, is in `saga`.
"""

"""What the contracts of the saga's two styles share: `services` are the services that fill orders, `view` is what is seen of
orders, `properties` what must hold, `scopes` what workloads are made of, `stories` what the stateful search draws from,
`contract` puts them together, `theory` is what is proved of the models. The styles are `saga_orchestration` and
`saga_choreography`.
"""

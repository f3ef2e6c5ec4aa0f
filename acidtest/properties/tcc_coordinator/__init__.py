"""The contract of the coordinator of Try-Confirm/Cancel: `port` is what an implementation offers, `view` what is seen of it,
`properties` what must hold, `scopes` what is explored completely, `stories` what the stateful search draws from, `contract`
puts them together; `services` are the services that the harness plays. What is proved of its model is in `tcc.theory`.
"""

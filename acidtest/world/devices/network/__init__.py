"""The network between services under test: `channels` hold what is on its way, `silence` says who may be given up, `device` is both."""

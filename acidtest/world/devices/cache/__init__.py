"""The cache: a client of the library `redis`, over a simulated server.

`commands` says what is known of each command, `server` simulates one server, `client` and `awaited` are the clients that code
under test is given, and `device` puts them together.
"""

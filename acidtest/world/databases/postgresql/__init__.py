"""PostgreSQL: a real server, whose waiting statements are parked.

Read them in this order, each needs only those before it:

1. `programs` and `server`: where the server comes from.
2. `session`: a session on it, and how it is brought back to rest.
3. `watch`: who waits for whom.
4. `statement`: what a statement does, as far as scheduling is concerned.
5. `cursor`: where code under test runs statements.
6. `landing`: a COMMIT that takes effect later.
7. `performing`: statements as effects, whatever the driver; here faults befall them, and locks are waited for.
8. `connection`: psycopg's connections, and `awaitable`: those that are awaited.
9. `of_psycopg2`, `of_asyncpg`: those of other drivers.
10. `tables`: the tables of a schema, and their rows.
11. `store`: a database: its contents, and its reset between runs.
12. `driver`: what drivers connect with, taken over.
13. `awaited`: for coroutines, what `env.async_engine` gives.
14. `backend`: all of this, as the world asks for it.
"""

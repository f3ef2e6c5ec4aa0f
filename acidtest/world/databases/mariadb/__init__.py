"""MariaDB: a real server, whose waiting statements are parked.

Read them in this order, each needs only those before it:

1. `programs` and `server`: where the server comes from.
2. `session`: a session on it, and how it is brought to its end.
3. `watch`: who waits for whom.
4. `statement`: what a statement does, as far as scheduling is concerned.
5. `landing`: a COMMIT that takes effect later.
6. `connection`: statements as effects; here faults befall them, and locks are waited for.
7. `tables`: the tables of a database, and their rows.
8. `store`: a database: its contents, and its reset between runs.
9. `driver`: `pymysql.connect`, taken over.
10. `awaited`: for coroutines.
11. `backend`: all of this, as the world asks for it.
"""

"""MariaDB: a real server, whose waiting statements are parked.

Read them in this order, each needs only those before it:

1. `programs` and `server`: where the server comes from.
2. `session`: a session on it, and how it is brought to its end.
3. `watch`: who waits for whom.
4. `statement`: what a statement does, as far as scheduling is concerned.
5. `saying`: what the server says of its own accord.
6. `landing`: a COMMIT that takes effect later.
7. `waiting`: statements that wait for a lock.
8. `connection`: statements as effects; here faults befall them.
9. `tables`: the tables of a database, and their rows.
10. `store`: a database: its contents, and its reset between runs.
11. `driver`: `pymysql.connect`, taken over.
12. `awaited`: for coroutines.
13. `backend`: all of this, as the world asks for it.
"""

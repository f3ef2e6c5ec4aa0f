"""SQLite: real files, driven in one thread.

Read them in this order, each needs only those before it:

1. `statement`: what a statement does, as far as scheduling is concerned.
2. `cursor`: where code under test runs statements.
3. `tracked`: what a connection knows of its snapshot, its lock and its cursors.
4. `connection`: statements as effects; here faults befall them, and locks are waited for.
5. `tables`: the rows of a database as a value.
6. `store`: a database: its contents, and its reset between runs.
7. `driver`: `sqlite3.connect`, taken over.
8. `awaited`: for coroutines.
9. `backend`: all of this, as the world asks for it.
"""

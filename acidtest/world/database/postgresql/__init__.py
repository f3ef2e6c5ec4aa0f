"""PostgreSQL: a private throw-away server, psycopg connections whose statements are effects, locks that are watched."""

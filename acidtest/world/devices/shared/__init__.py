"""Objects of the user's that stand for a server, and outlive the processes that call them."""

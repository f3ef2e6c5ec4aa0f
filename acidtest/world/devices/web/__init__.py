"""Addresses of the web: `httpx` and `requests` reach what an adapter says stands there."""

"""Databases of the world, and the drivers through which code under test reaches them."""

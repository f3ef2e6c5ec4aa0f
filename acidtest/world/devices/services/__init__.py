"""Services that code under test calls: `called` those that are under test themselves, `device` these and those that are played."""

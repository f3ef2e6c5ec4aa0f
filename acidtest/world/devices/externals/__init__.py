"""External systems: `system` is one of them, `awaited` the same for coroutines, `device` all of a world."""

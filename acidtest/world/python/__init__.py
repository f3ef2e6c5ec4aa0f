"""What is taken over of the interpreter. It knows no database: each takes over its own driver.

Read them in this order, each needs only those before it:

1. `uncontrolled`: what code does behind the world's back is reported.
2. `standard_library`: real sleep, and event loops in real time, are replaced.
3. `ends`: what ends an interpreter ends a simulated process.
4. `event_loop`: asyncio in virtual time, a loop for each process.
5. `coroutines`: calls that are coroutines, driven to their effects.

The locks of `threading` are taken over in `acidtest.world.core.locks`: whatever builds an adapter needs them.
"""

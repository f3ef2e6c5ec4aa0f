"""The simulated environment of one run: processes, databases, a broker, a clock, and the faults that befall them.

The world knows effects and carriers, never patterns, models or properties.
"""

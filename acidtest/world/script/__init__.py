"""Scripts: what code under test was seen to do, so that what it has done once need not be run again.

A run of real code costs hundreds of times what deciding about it costs, and most of a search is repetition: the same process,
having seen the same, does the same. So whoever runs the real code takes down what it does next, by what its process has seen;
and whoever wants to know what a schedule leads to plays that, in a world whose devices are real and whose databases are numbers.
Where the script does not go on, the schedule is run for real, and taken down.

Read them in this order:

1. `script`: what is taken down, and by what it is found again.
2. `recorder`: takes it down, along a run of real code.
3. `cluster`: databases of which there is nothing but the number of their contents.
4. `player`: an implementation that does what the script says.
"""

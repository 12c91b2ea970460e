"""A fix, tried: the user's cells run anew in fresh kernels, once as they are and once with it.

`cells` makes what is run of the history, `worker` runs it in a process of its own, `process` talks
to that, and `comparison` says what has changed.
"""

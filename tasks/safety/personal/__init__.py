"""Personal data: each module finds some kinds of it and says how, and what it leaves alone."""

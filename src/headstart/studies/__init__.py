"""studies: the order of runs, what is done already, and what comes next."""

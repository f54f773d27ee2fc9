"""meters: seconds, joules and floating-point operations, attributed to phases."""

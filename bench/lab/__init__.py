"""A laboratory that runs a function as Lambda does."""

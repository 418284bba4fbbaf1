"""Hostile uploads that we make ourselves: valid up to the fault, so that a parser is reached."""

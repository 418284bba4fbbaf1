"""Calls those who asked to be told: where they may go, how they are signed, when again."""

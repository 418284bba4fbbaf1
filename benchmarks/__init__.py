"""Runs that measure: the scoreboard of real models, and the price beside the bare tools."""

"""The doors: HTTP routes, command line, jobs. No conversion logic."""

"""The built-in plugins: one folder a framework; the list of folders is the catalogue."""

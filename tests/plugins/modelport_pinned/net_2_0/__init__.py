"""A second version of the package: ``--using modelport-net@2.0``."""

"""Durable jobs: tables, the engine behind its port, leases, the worker and its runner."""

"""Paddle-Lite: models for phones and small computers."""

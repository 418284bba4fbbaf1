"""Paddle: programs in both of its formats, and Paddle-Lite models."""

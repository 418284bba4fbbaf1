"""What keeps the supply chain short and known: locks and audit. For developers only."""

"""How bytes come in and go out: streamed uploads, streamed bundles."""

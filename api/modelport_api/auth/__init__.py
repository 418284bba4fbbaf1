"""Who may ask: API key, host allow-list, origin check, security headers."""

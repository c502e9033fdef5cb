"""The laboratory in which a function runs as it does on Lambda."""

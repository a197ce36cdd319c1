"""Errors, options, settings, progress events, retries and the code fingerprint. All other packages build on these."""

"""Errors, options, progress events, waiting, the fingerprint of the code: what everything else stands on."""

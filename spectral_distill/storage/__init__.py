"""Files by URI, local or S3: versions, downloads, atomic writes, uploads."""

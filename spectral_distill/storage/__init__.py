"""URIs of files and folders, here and on S3: versions, downloads, atomic writes, uploads."""

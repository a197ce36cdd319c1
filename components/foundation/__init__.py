"""What several steps share: storage, tracking, text models, spectra, artifact formats."""

"""Reading, cleaning and splitting tables, augmentation, the dataset artifact, the data of the demo."""

"""The trainer and its cache; fine-tuning a teacher."""

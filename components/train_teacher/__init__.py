"""Fine-tune or import the teacher."""

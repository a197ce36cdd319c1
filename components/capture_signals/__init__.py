"""Record what students learn from: the teacher's logits and hidden states."""

"""Decide what each student layer is made of."""

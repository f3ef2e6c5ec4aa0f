"""Mutants of architectures: each part is as its reference has it, and a seam is broken."""

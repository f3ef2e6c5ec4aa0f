"""The generated part of the documentation: pages and drawings that are made from the code and from its proofs."""

"""State diagrams of models: which states and steps are drawn (`quotient`), in which rows (`layers`), where (`coordinates`), and how (`drawing`)."""

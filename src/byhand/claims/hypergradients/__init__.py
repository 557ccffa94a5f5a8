"""Claims of chapter 4, Hypergradients: by group of problems."""

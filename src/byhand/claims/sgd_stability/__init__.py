"""Claims of chapter 3, SGD stability, by groups of problems."""

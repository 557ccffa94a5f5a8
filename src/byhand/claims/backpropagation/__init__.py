"""Claims of chapter 5, Backpropagation, by problem."""

"""Claims of chapter 6, Convolutional networks."""

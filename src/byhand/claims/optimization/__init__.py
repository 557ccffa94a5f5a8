"""Claims of chapter 2, Optimization, by the part of the chapter that derives them."""

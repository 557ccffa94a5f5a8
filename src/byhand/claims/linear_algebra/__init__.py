"""Claims of chapter 1, Linear algebra, by the part of the chapter that derives them."""

"""The claims of the book, a module for each chapter. What a claim is: :mod:`byhand.evidence`."""

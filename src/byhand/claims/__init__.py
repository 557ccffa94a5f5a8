"""The claims of the book, a module for each chapter. What a claim is: :mod:`byhand.evidence`."""

from byhand.evidence import Estimate, claim_table, verify

__all__ = ["Estimate", "claim_table", "verify"]

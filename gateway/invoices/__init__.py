"""What a postpaid account is asked to pay: a final statement's lines in whole cents, less credit, less what was paid meanwhile.

An invoice is drawn once per account and month and never changed; what becomes of it (sent, paid, void) is rows beside it.  Each line is rounded
once; what that added to the exact sum, or took, is the invoice's `rounding_nanousd`, and their sum is the rounding account.

Failure mode: closed.  What cannot be drawn exactly is not drawn; the usage is in the ledger, and the next run draws it.
"""

"""What an operator can do.

An operation is one function, one transaction and one audit entry; a page and a command share it.
It checks every rule itself, because commands come without a form, and refuses with an
``OperationError`` whose text the operator may read.
"""

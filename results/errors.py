"""The error of the results store."""


class StoreError(ValueError):
    """The store or its content cannot be used as asked; the message is one sentence with the fix."""

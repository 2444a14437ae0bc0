"""The HTML report: one self-contained page, a section for everything that the records have something to say of."""

"""The commands of `nas-harness`, one file a topic."""

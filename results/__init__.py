"""What is remembered: run records in a database, histories, and the figures published in papers."""

from results.errors import StoreError
from results.models import EvaluationRecord, RunRecord
from results.store import Store

__all__ = ["EvaluationRecord", "RunRecord", "Store", "StoreError"]

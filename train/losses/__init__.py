"""The losses: pure functions of a batch's scores and grades, a file each.

They share their arguments:

- ``scores`` S, float32 (queries, documents): the mean over a query's tokens of the highest cosine
  with a token of the document, so within [-1, 1]; see ``train.maxsim``.
- ``graded``, a ``GradedBatch``: grades G from 1 to 5, weights W, and which documents are negatives.

Each returns one number, the mean of its terms with the weights of their pairs. A batch that has no
term for a loss gives 0.
"""

from __future__ import annotations

from train.losses.graded_batch import GradedBatch
from train.losses.weighted_sum import Heads, first_heads, weighted_sum

__all__ = ["GradedBatch", "Heads", "first_heads", "weighted_sum"]

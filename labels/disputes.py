"""What counts as a dispute: people's own grades of one pair that lie far apart."""

from __future__ import annotations

from typing import Final

#: Own grades of a pair this far apart are a dispute, until somebody adjudicates it.
DISPUTE: Final = 2

#: The ids of pairs in dispute, as a subquery.
DISPUTED_PAIRS: Final = (
    "(SELECT pair_id FROM current_labels"
    " WHERE pair_id NOT IN (SELECT pair_id FROM adjudicated_labels)"
    f" GROUP BY pair_id HAVING max(grade) - min(grade) >= {DISPUTE})"
)
#: The ids of pairs with an adjudicated grade.
ADJUDICATED_PAIRS: Final = "(SELECT pair_id FROM adjudicated_labels)"

"""The keys that an import reads."""

from __future__ import annotations

from typing import Final

#: Keys that hold text. The first one present of several for the same thing counts.
QUERY_KEY: Final = "query"
CODE_KEYS: Final = ("positive", "code")
PATH_KEYS: Final = ("file_path", "path")
SYMBOL_KEYS: Final = ("func_name", "symbol")
OTHER_TEXT_KEYS: Final = (
    "language",
    "score_reasoning",
    "original_query",
    "query_kind",
    "judge",
    "grade_source",
)
TEXT_KEYS: Final = (QUERY_KEY, *CODE_KEYS, *PATH_KEYS, *SYMBOL_KEYS, *OTHER_TEXT_KEYS)
#: Keys that hold a JSON value of their own kind.
VALUE_KEYS: Final = ("llm_score", "judge_score", "distribution", "is_variation")
KEYS: Final = (*TEXT_KEYS, *VALUE_KEYS)

"""A workspace of many judged pairs, made inside the database in a minute and kept for later runs.

Documents are functions of 200 to 2,000 characters in Python and Rust, ten pairs to a query and
five to a document. Scores are uneven as a judge's are (45% 1, 8% 5), and two in a hundred judgments
failed. The same number of pairs always gives the same workspace, except for the ids of judgments.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.ids import content_id_sql
from core.records import JudgeKind
from core.store.migrations import migrations
from core.store.opening import open_store
from core.store.tables import add_judge, make_judge
from core.workspace import SETTINGS_NAME, Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duckdb import DuckDBPyConnection

JUDGE: Final = make_judge("measured", JudgeKind.IMPORTED)
PAIRS_PER_QUERY: Final = 10
PAIRS_PER_DOCUMENT: Final = 5

#: Pairs come in the order of the draw, each once and with its score.
_SETTINGS: Final = "blind_share = 0\nrepeat_share = 0\n"

_WORDS: Final = {
    "verb": "watch read parse merge split cache route drain index flush retry guard",
    "noun": "buffer socket folder token ledger branch symbol window tensor channel query",
    "place": "disk memory network queue tree table stream process thread config",
}
_PYTHON: Final = (
    "    {noun}_{n} = self.{verb}_{place}({noun}, limit={n})\n",
    "    if len({noun}) > {n}:\n        raise ValueError(f'no {verb} for {{{noun}!r}}')\n",
    "    # {verb} the {noun} before the {place} changes under us\n",
    "    for number, {noun} in enumerate(self.{place}s[{n}:]):\n        {noun}.{verb}(number)\n",
    "    found = {place}.get('{noun}_{n}')\n    if found is not None:\n        found.{verb}()\n",
    '    log.debug("%s: {verb} {place}", {noun})\n',
)
_RUST: Final = (
    "    let {noun}_{n} = self.{verb}_{place}({n}, &{noun})?;\n",
    '    if {noun}.len() > {n} {{\n        return Err(Error::{verb}("{place}"));\n    }}\n',
    "    // {verb} the {noun} before the {place} changes under us\n",
    "    for {noun} in self.{place}s.iter().skip({n}) {{\n        {noun}.{verb}()?;\n    }}\n",
    "    while let Some({noun}) = {place}.next() {{\n        {noun}.{verb}({n});\n    }}\n",
    '    tracing::debug!({noun} = {n}, "{verb} {place}");\n',
)


@contextmanager
def workspace_of(pairs: int) -> Iterator[Workspace]:
    """Give a workspace of its own with that many unlabelled pairs; it is gone afterwards."""
    kept = _kept_folder(pairs)
    with tempfile.TemporaryDirectory(prefix="rejudge-bench-") as name:
        shutil.copytree(kept, name, dirs_exist_ok=True)
        yield Workspace(Path(name))


def _kept_folder(pairs: int) -> Path:
    """Return the folder of the workspace to copy, made when it is not there."""
    recipe = Path(__file__).read_text("utf-8") + "".join(one.sql for one in migrations())
    version = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    kept = Path(tempfile.gettempdir()) / "rejudge-benchmarks" / f"{pairs}-{version}"
    if not kept.is_dir():
        unfinished = kept.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        _build(unfinished, pairs)
        unfinished.rename(kept)
    return kept


def _build(root: Path, pairs: int) -> None:
    root.mkdir(parents=True)
    workspace = Workspace(root)
    workspace.create()
    (workspace.folder / SETTINGS_NAME).write_text(_SETTINGS, "utf-8")
    with open_store(workspace.folder) as store, store.transaction() as cursor:
        _fill(cursor, pairs)


def _fill(cursor: DuckDBPyConnection, pairs: int) -> None:
    queries = max(1, pairs // PAIRS_PER_QUERY)
    documents = max(1, pairs // PAIRS_PER_DOCUMENT)
    cursor.execute(
        f"CREATE TEMP TABLE made_queries AS SELECT number, {_query_sql()} AS text,"
        f" {content_id_sql('text')} AS id FROM range({queries}) AS numbers(number)"
    )
    cursor.execute(
        "INSERT INTO db.queries SELECT id, text, CASE WHEN number % 3 = 0 THEN 'keyword' ELSE"
        " 'semantic' END, NULL, 'import', TIMESTAMP '2024-01-01' FROM made_queries"
    )
    cursor.execute(
        "CREATE TEMP TABLE made_documents AS SELECT number, path, symbol, language, text,"
        f" {content_id_sql('path', 'symbol', 'text')} AS id"
        f" FROM ({_documents_sql(documents)})"
    )
    cursor.execute(
        "INSERT INTO db.documents SELECT id, path, symbol, 'function', language, 10,"
        " 10 + length(text) - length(replace(text, chr(10), '')), text, TRUE,"
        " TIMESTAMP '2024-01-01' FROM made_documents"
    )
    cursor.execute(
        "CREATE TEMP TABLE made_pairs AS SELECT numbers.number, q.id AS query_id,"
        " d.id AS document_id,"
        f" {content_id_sql('CAST(q.id AS VARCHAR)', 'CAST(d.id AS VARCHAR)')} AS id"
        f" FROM range({pairs}) AS numbers(number)"
        f" JOIN made_queries AS q ON q.number = numbers.number % {queries}"
        # The second term gives each query other documents in each of its rounds.
        f" JOIN made_documents AS d ON d.number ="
        f" (numbers.number * 7 + numbers.number // {queries}) % {documents}"
    )
    cursor.execute(
        "INSERT INTO db.pairs SELECT id, query_id, document_id, 'import', NULL,"
        " TIMESTAMP '2024-01-01' FROM made_pairs"
    )
    add_judge(cursor, JUDGE)
    cursor.execute(
        "INSERT INTO db.judgments SELECT uuid(), id, $1, TIMESTAMP '2024-01-02', score,"
        " CASE WHEN score IS NULL THEN 'parse_error' END, NULL, NULL, NULL, NULL, NULL,"
        " CASE WHEN score IS NULL THEN '' ELSE 'Case ' || number || ': the function does what is"
        " asked for in part, and leaves the handling of errors to the one who calls it.' END,"
        " 0, 0, 0 FROM (SELECT id, number, CASE WHEN chance < 2 THEN NULL WHEN chance < 47 THEN 1"
        " WHEN chance < 67 THEN 2 WHEN chance < 81 THEN 3 WHEN chance < 92 THEN 4 ELSE 5 END AS"
        " score FROM (SELECT id, number, hash(id) % 100 AS chance FROM made_pairs))",
        [JUDGE.id],
    )
    for table in ("made_queries", "made_documents", "made_pairs"):
        cursor.execute(f"DROP TABLE {table}")


def _query_sql() -> str:
    return _filled("case {number}: how do we {verb} the {noun} as the {place} changes", "'query'")


def _documents_sql(documents: int) -> str:
    """Return a SELECT of number, path, symbol, language and text."""
    statements = {"python": _PYTHON, "rust": _RUST}
    bodies = {
        language: " ".join(
            [
                f"CASE hash(number, line) % {len(templates)}",
                *(
                    f"WHEN {place} THEN {_filled(template, 'line')}"
                    for place, template in enumerate(templates)
                ),
                "END",
            ]
        )
        for language, templates in statements.items()
    }
    line = f"CASE WHEN language = 'rust' THEN {bodies['rust']} ELSE {bodies['python']} END"
    first = (
        "CASE WHEN language = 'rust' THEN 'pub fn ' || symbol || '(&mut self, limit: usize)"
        " -> Result<(), Error> {' ELSE 'def ' || symbol || '(self, limit: int) -> None:' END"
    )
    return (
        "SELECT number, path, symbol, language, left(first || chr(10) || string_agg(line_text, ''"
        " ORDER BY line), 2000) AS text FROM ("
        f"SELECT *, {first} AS first, {line} AS line_text FROM ("
        f"SELECT number, {_filled('{verb}_{noun}_{number}', '0')} AS symbol,"
        f" {_filled('src/{place}/{noun}', '1')} || CASE WHEN number % 2 = 0 THEN '.rs' ELSE '.py'"
        " END AS path, CASE WHEN number % 2 = 0 THEN 'rust' ELSE 'python' END AS language,"
        # 4 to 30 statements of about 60 characters, short functions oftener than long ones.
        " unnest(range(CAST(4 + 26 * pow((hash(number, 'size') % 1000) / 1000.0, 2) AS BIGINT)))"
        f" AS line FROM range({documents}) AS numbers(number)))"
        " GROUP BY number, path, symbol, language, first"
    )


def _filled(template: str, salt: str) -> str:
    """Return the SQL of a template: its words chosen by a hash of ``number`` and ``salt``."""
    choices = {
        name: f"list_extract(string_split('{words}', ' '), CAST(1 + hash(number, {salt}, '{name}')"
        f" % {len(words.split())} AS BIGINT))"
        for name, words in _WORDS.items()
    }
    choices["n"] = f"(hash(number, {salt}) % 1000)"
    choices["number"] = "number"
    escaped = template.replace("'", "''").replace("\n", "' || chr(10) || '")
    cut = {name: f"' || {sql} || '" for name, sql in choices.items()}
    return "'" + escaped.format(**cut) + "'"

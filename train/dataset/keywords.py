"""Keyword pairs: names, identifiers and docstrings of the corpus, each with its own code.

Training on graded pairs alone would make keyword queries worse, which the base answers well. These
pairs prevent that, and nobody has to grade that a name belongs to its code.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from random import Random
from typing import TYPE_CHECKING, Final, NamedTuple

from core.ids import document_id, query_id
from core.records import QueryKind
from core.search import NearDuplicates, query_text
from train.dataset.docstrings import described
from train.dataset.queries import NEARLY_THE_SAME
from train.dataset.records import GradeSource, Split, TrainingDocument, TrainingQuery

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from uuid import UUID

    from duckdb import DuckDBPyConnection

    from core.jobs import Job
    from train.dataset.queries import SpecGuard
    from train.dataset.records import TrainingSetDraft, TrainingSetPlan


IDENTIFIER: Final = r"[A-Za-z_][A-Za-z0-9_]{2,}"
_IDENTIFIER: Final = re.compile(IDENTIFIER)
#: Identifiers that are no words: parts_joined, mixedCase, HTTPServer, utf8.
_COMPOUND: Final = re.compile(r"[A-Za-z0-9]_+[A-Za-z0-9]|[a-z][A-Z]|[A-Z]{2}|[A-Za-z][0-9]|^_")
_TYPE_ARGUMENTS: Final = re.compile(r"<[^<>]*>")
_WORD: Final = re.compile(r"\w+")
#: The number of the second definition of a name in a file.
_REPEATED: Final = re.compile(r"#[0-9]+$")
#: Words in a symbol that are not names.
_KEYWORDS: Final = frozenset({"impl", "for", "extension", "mut", "dyn", "module", "operator"})
_RAREST: Final = 6
_LONGEST: Final = 60
_COUNTS: Final = (2, 3, 3, 4)
_OF_SIBLINGS: Final = 1 / 3
_WITH_NAME: Final = 0.5


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The identifiers of a corpus.

    ``defined`` are the names of documents; ``frequency`` is the number of documents that an
    identifier occurs in, 1 where it is missing; one in more than ``telling`` is too common.
    """

    defined: Collection[str]
    frequency: Mapping[str, int]
    telling: int


def name_parts(symbol: str) -> list[str]:
    """Return the names of a symbol, the innermost last, whatever the language's notation."""
    bare = _REPEATED.sub("", symbol)
    while (less := _TYPE_ARGUMENTS.sub("", bare)) != bare:
        bare = less
    if bare.startswith("(module)"):  # the code between the definitions of a file
        return []
    return [part for part in _WORD.findall(bare) if part not in _KEYWORDS]


def name_queries(path: str, symbol: str) -> list[str]:
    """Return the names that people may type for a document, the shortest first.

    ``queue.py`` with ``Queue.get`` gives ``get``, ``Queue get``, ``queue get``; without a symbol
    the name of the file alone.
    """
    stem = PurePosixPath(path).stem
    parts = name_parts(symbol)
    if not parts:
        return [] if symbol or not stem else [stem]
    scope = parts[-2:-1]
    found = [parts[-1], *(f"{each} {parts[-1]}" for each in (*scope, stem) if each)]
    return list(dict.fromkeys(found))


def identifier_bag(
    text: str, symbol: str, siblings: Sequence[str], vocabulary: Vocabulary, random: Random
) -> str | None:
    """Return two to four identifiers that distinguish a document from others.

    They are drawn from the six rarest in its code that the corpus defines or that are written like
    code, often with its own name. One time in three it is its name with those of siblings, since
    people also name several definitions of a file; a sibling also joins a single identifier. None
    if there are not two.

    Args:
        text: the document's code.
        symbol: its symbol.
        siblings: symbols of the same file.
        vocabulary: the identifiers of the corpus.
        random: source of the draws.
    """
    inside = dict.fromkeys(_IDENTIFIER.findall(text))
    telling = [word for word in inside if _is_telling(word, vocabulary)]
    telling.sort(key=lambda word: vocabulary.frequency.get(word, 1))
    name = next(iter(name_parts(symbol)[-1:]), "")
    own = [name] if name in telling else []
    rarest = [word for word in telling if word != name][:_RAREST]
    beside = dict.fromkeys(part for each in siblings for part in name_parts(each)[-1:])
    around = [word for word in beside if word not in inside and _is_telling(word, vocabulary)]
    count = random.choice(_COUNTS)
    if own and around and random.random() < _OF_SIBLINGS:
        chosen = own + _drawn(around, count - 1, random)
    else:
        chosen = own if random.random() < _WITH_NAME else []
        chosen = chosen + _drawn(rarest, count - len(chosen), random)
        # Siblings only join: alone they would describe other code.
        chosen = chosen + _drawn(around, _COUNTS[0] - len(chosen) if chosen else 0, random)
    if len(chosen) < _COUNTS[0]:
        return None
    places = {word: place for place, word in enumerate(inside)}
    return " ".join(sorted(chosen, key=lambda word: places.get(word, len(places))))


def _is_telling(word: str, vocabulary: Vocabulary) -> bool:
    return (
        len(word) <= _LONGEST
        and vocabulary.frequency.get(word, 1) <= vocabulary.telling
        and (word in vocabulary.defined or bool(_COMPOUND.search(word)))
    )


def _drawn(words: Sequence[str], count: int, random: Random) -> list[str]:
    return random.sample(words, max(0, min(len(words), count)))


GRADE: Final = 5.0
_PAGE: Final = 1_000
#: Frequencies are counted on so many documents, and in so many characters of each.
_COUNTED_DOCUMENTS: Final = 50_000
_COUNTED_CHARACTERS: Final = 20_000
#: An identifier in a larger share, or a larger number, of the documents is too common.
_TELLING_SHARE: Final = 0.002
_TELLING_DOCUMENTS: Final = 5
_LEAST_CODE: Final = 30
_FORMS: Final = 3
_MOST_SIBLINGS: Final = 200
_ANY: Final = "SELECT 1 FROM db.documents WHERE in_corpus LIMIT 1"


@dataclass(frozen=True, slots=True)
class KeywordSource:
    """The corpus that keyword pairs come from, and the queries that they must not repeat.

    Args:
        cursor: of the snapshot.
        guard: knows the queries of specs.
        queries: of the set so far.
        held_out: texts of the held-out queries.
    """

    cursor: DuckDBPyConnection
    guard: SpecGuard
    queries: Sequence[TrainingQuery]
    held_out: Sequence[str]


@dataclass(slots=True)
class MadePairs:
    """The number of pairs made and of queries that specs kept out, and the documents used."""

    pairs: int = 0
    like_spec: int = 0
    documents: set[UUID] = field(default_factory=set)


class _Row(NamedTuple):
    id: UUID
    path: str
    symbol: str
    language: str
    text: str


class _Made(NamedTuple):
    query: str
    kind: QueryKind | None
    code: str


def add_keyword_pairs(
    source: KeywordSource,
    draft: TrainingSetDraft,
    plan: TrainingSetPlan,
    graded: int,
    job: Job,
) -> MadePairs:
    """Add keyword pairs to the draft, until they are the plan's share of the training pairs.

    Documents are drawn from the corpus by the seed. A document gives a second and a third pair only
    after all have given their first. All are trained on: a query with a single graded document has
    no ranking to measure.

    Args:
        source: the corpus, and the queries to avoid.
        draft: gets the pairs.
        plan: share, weight and seed.
        graded: how many other training pairs there are.
        job: gets the progress; may cancel.
    """
    made = MadePairs()
    wanted = round(graded * plan.keyword_share / (1 - plan.keyword_share))
    if not wanted:
        return made
    maker = _Maker(source, plan, made)
    for turn in range(_FORMS):
        for start in range(0, maker.drawn, _PAGE):
            job.step(made.pairs, wanted, "keyword pairs")
            for row in maker.page(start):
                if made.pairs == wanted:
                    return made
                maker.add(row, turn, draft)
    return made


class _Maker:
    def __init__(self, source: KeywordSource, plan: TrainingSetPlan, made: MadePairs) -> None:
        self._source = source
        self._plan = plan
        self._made = made
        self._siblings: dict[str, list[str]] = {}
        self._asked = {query_text(query.text).key for query in source.queries}
        held_out = [query_text(text) for text in source.held_out]
        self._held_out = NearDuplicates(held_out, NEARLY_THE_SAME)
        self._corpus = _corpus(source.cursor)
        self._paths, defined = _names(source.cursor, self._corpus)
        self.drawn = _draw(source.cursor, self._corpus, plan.seed)
        counted = min(self.drawn, _COUNTED_DOCUMENTS)
        self._vocabulary = Vocabulary(
            defined,
            _frequency(source.cursor, self._corpus, plan.seed),
            max(_TELLING_DOCUMENTS, round(counted * _TELLING_SHARE)),
        )

    def page(self, start: int) -> list[_Row]:
        """Return the next documents in the order of the seed, and load the symbols beside them."""
        rows = self._source.cursor.execute(
            "SELECT document.id, path, symbol, language, text FROM drawn"
            " JOIN db.documents AS document ON document.id = drawn.id"
            " WHERE place > $1 AND place <= $2 ORDER BY place",
            [start, start + _PAGE],
        ).fetchall()
        self._siblings = _siblings(
            self._source.cursor, self._corpus, {row[1] for row in rows if row[1]}
        )
        return [_Row(*row) for row in rows]

    def add(self, row: _Row, turn: int, draft: TrainingSetDraft) -> None:
        """Add the document's pair of this turn, unless it has none or its query was used before."""
        random = Random(f"{self._plan.seed} {row.id} {turn}")  # noqa: S311 - repeatable
        made = self._query(row, turn, random)
        if made is None:
            return
        text = query_text(made.query)
        if text.key in self._asked or self._held_out.find(text) is not None:
            return
        if self._source.guard.leak(made.query) is not None:
            self._made.like_spec += 1
            return
        self._asked.add(text.key)
        identifier = row.id
        if made.code is not row.text:
            identifier = document_id(row.path, row.symbol, made.code)
        self._made.documents.add(row.id)
        query = TrainingQuery(query_id(made.query), made.query, made.kind, Split.TRAIN)
        document = TrainingDocument(identifier, row.path, row.symbol, made.code)
        draft.add_pair(
            draft.add_query(query),
            draft.add_document(document),
            GRADE,
            self._plan.keyword_weight,
            GradeSource.KEYWORD,
        )
        self._made.pairs += 1

    def _query(self, row: _Row, turn: int, random: Random) -> _Made | None:
        """Return the document's query of this turn; the plan's shares decide which comes first."""
        forms = [self._bag, self._name]
        random_first = Random(f"{self._plan.seed} {row.id}")  # noqa: S311 - repeatable
        if random_first.random() < self._plan.docstring_share:
            forms = [self._docstring, *forms]
        else:
            if random_first.random() < 1 / 3:
                forms.reverse()
            forms.append(self._docstring)
        possible = [made for form in forms if (made := form(row, random)) is not None]
        return possible[turn] if turn < len(possible) else None

    def _docstring(self, row: _Row, random: Random) -> _Made | None:
        del random  # there is nothing to draw
        found = described(row.text, row.language) if self._plan.docstring_share else None
        return _Made(found.description, None, found.code) if found else None

    def _name(self, row: _Row, random: Random) -> _Made | None:
        only_here = [
            name for name in name_queries(row.path, row.symbol) if self._paths[name.lower()] == 1
        ]
        if not only_here:
            return None
        return _Made(random.choice(only_here), QueryKind.KEYWORD, row.text)

    def _bag(self, row: _Row, random: Random) -> _Made | None:
        text = row.text[:_COUNTED_CHARACTERS]
        siblings = self._siblings.get(row.path, ())
        bag = identifier_bag(text, row.symbol, siblings, self._vocabulary, random)
        return _Made(bag, QueryKind.KEYWORD, row.text) if bag else None


def _corpus(cursor: DuckDBPyConnection) -> str:
    """Return the SQL condition of the corpus: all documents where no corpus was imported."""
    return "in_corpus" if cursor.execute(_ANY).fetchall() else "TRUE"


def _names(cursor: DuckDBPyConnection, corpus: str) -> tuple[Counter[str], set[str]]:
    """Return the number of paths of each name in lower case, and all names as written."""
    cursor.execute(
        # A snippet has no path: it counts as a file of its own.
        "SELECT DISTINCT CASE WHEN path = '' THEN CAST(id AS VARCHAR) ELSE path END AS place,"
        f" path, symbol FROM db.documents WHERE {corpus} ORDER BY place, symbol"
    )
    paths: Counter[str] = Counter()
    defined: set[str] = set()
    here: set[str] = set()
    last_place = None
    while rows := cursor.fetchmany(_PAGE):
        for place, path, symbol in rows:
            if place != last_place:
                paths.update(here)
                here, last_place = set(), place
            here.update(name.lower() for name in name_queries(path, symbol))
            defined.update(name_parts(symbol)[-1:])
    paths.update(here)
    return paths, defined


def _siblings(cursor: DuckDBPyConnection, corpus: str, paths: set[str]) -> dict[str, list[str]]:
    """Return the symbols of each path, at most the first 200."""
    rows = cursor.execute(
        "SELECT path, list_slice(list(DISTINCT symbol ORDER BY symbol), 1, $2) FROM db.documents"
        f" WHERE {corpus} AND symbol <> ''"
        " AND path IN (SELECT unnest(CAST($1 AS VARCHAR[]))) GROUP BY path",
        [sorted(paths), _MOST_SIBLINGS],
    ).fetchall()
    return dict(rows)


def _frequency(cursor: DuckDBPyConnection, corpus: str, seed: int) -> dict[str, int]:
    """Return the identifiers of more than one document with their number of documents."""
    rows = cursor.execute(
        "SELECT word, count(*) FROM ("
        " SELECT unnest(list_distinct(regexp_extract_all(left(text, $2), $3))) AS word"
        f" FROM (SELECT text FROM db.documents WHERE {corpus}"
        " ORDER BY md5($1 || id), id LIMIT $4))"
        " GROUP BY word HAVING count(*) > 1",
        [f"count {seed} ", _COUNTED_CHARACTERS, IDENTIFIER, _COUNTED_DOCUMENTS],
    ).fetchall()
    return dict(rows)


def _draw(cursor: DuckDBPyConnection, corpus: str, seed: int) -> int:
    """Order the documents that can give a pair by the seed; return their number."""
    cursor.execute(
        "CREATE TEMP TABLE drawn AS SELECT id, row_number() OVER (ORDER BY md5($1 || id), id) AS"
        f" place FROM db.documents WHERE {corpus} AND length(text) >= $2",
        [f"draw {seed} ", _LEAST_CODE],
    )
    ((count,),) = cursor.execute("SELECT count(*) FROM drawn").fetchall()
    return int(count)

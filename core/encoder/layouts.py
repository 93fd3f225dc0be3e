"""The settings of an encoder in each layout of folders.

The names of files and keys are those of ColBERT (``artifact.metadata``), PyLate and
sentence-transformers (``modules.json``, ``config_sentence_transformers.json``). A setting that
changes the vectors is followed or refused by name, never passed over.
"""

from __future__ import annotations

import string
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from core.encoder.json_files import read_object, read_objects, value_of
from core.encoder.spec import DEFAULT_DOCUMENT_LENGTH, DEFAULT_QUERY_LENGTH, EncoderSpec, Projection
from core.encoder.weight_files import tensor_shapes
from core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from core.encoder.spec import Family, Pooling

    MakeSpec = Callable[..., EncoderSpec]

_SENTENCE_CONFIG: Final = "sentence_bert_config.json"
_MODEL_CONFIG: Final = "config_sentence_transformers.json"
SENTENCE_LENGTH: Final = 512
_PUNCTUATION: Final = tuple(string.punctuation)
#: The modules of sentence-transformers, with their rank in the only order that is supported.
_MODULES: Final = {"Transformer": 0, "Pooling": 1, "Dense": 2, "Normalize": 3, "MultiVectorMask": 3}
_OTHER_MODELS: Final = ("SparseEncoder", "CrossEncoder")


def layout_of(folder: Path, family: Family, width: int) -> EncoderSpec:
    """Return a folder's settings, still without checkpoint hash and limits on lengths.

    Args:
        folder: a local folder.
        family: its architecture.
        width: of its transformer.

    Raises:
        InputError: a file is missing or malformed, or asks for something that is not supported.
    """
    modules = listed_modules(folder)
    kinds = [kind for kind, _ in modules]
    is_colbert = (folder / "artifact.metadata").exists()
    if not modules:
        is_colbert = is_colbert or _has_colbert_head(folder)
    if is_colbert and "Pooling" not in kinds:
        return _colbert(folder, family, width)
    make = partial(
        EncoderSpec,
        folder=folder,
        family=family,
        hidden_size=width,
        projections=_projections(folder, modules, width),
    )
    if "Pooling" in kinds:
        return _sentence(folder, modules, make)
    if "MultiVectorMask" in kinds:
        return _multivector(folder, modules, make)
    if "Transformer" in kinds:
        return _pylate(folder, make)
    return make(layout="plain", lowercase=_lowercase(folder))


def listed_modules(folder: Path) -> list[tuple[str, str]]:
    """Return kind and folder of the modules, in order.

    Raises:
        InputError: a module is unknown, lies outside the folder, or is in an unusual place.
    """
    path = folder / "modules.json"
    modules = [
        (value_of(m, "type", "", path).rpartition(".")[2], value_of(m, "path", "", path))
        for m in read_objects(path)
    ]
    modules = [module for module in modules if module[0] != "Dropout"]  # for training only
    if not modules:
        return [("Dense", place.name) for place in sorted(folder.glob("[0-9]_Dense"))]
    for kind, name in modules:
        if name.startswith("/") or ".." in name.split("/"):
            raise InputError("a module lies outside its folder", where=f"{path}: {name}")
        if kind not in _MODULES:
            raise InputError(f"the module {kind} is not supported", where=str(path))
    kinds = [kind for kind, _ in modules]
    ranks = [_MODULES[kind] for kind in kinds]
    if ranks[0] or ranks != sorted(ranks) or any(ranks.count(rank) > 1 for rank in (0, 1)):
        raise InputError(
            f"the modules are in an order that is not supported: {', '.join(kinds)}",
            where=str(path),
            todo="Supported is Transformer, Pooling, Dense, Normalize.",
        )
    if modules[0][1]:
        raise InputError(
            "the transformer of this encoder lies in a folder of its own",
            where=str(path),
            todo="Only encoders with config.json and model.safetensors at the top are read.",
        )
    return modules


def _colbert(folder: Path, family: Family, width: int) -> EncoderSpec:
    path = folder / "artifact.metadata"
    values = read_object(path)
    punctuation = value_of(values, "mask_punctuation", True, path)
    return EncoderSpec(
        folder=folder,
        family=family,
        layout="colbert",
        hidden_size=width,
        projections=(Projection("model.safetensors", width, value_of(values, "dim", 128, path)),),
        query_prefix=value_of(values, "query_token_id", "[unused0]", path),
        document_prefix=value_of(values, "doc_token_id", "[unused1]", path),
        query_length=value_of(values, "query_maxlen", DEFAULT_QUERY_LENGTH, path),
        document_length=value_of(values, "doc_maxlen", DEFAULT_DOCUMENT_LENGTH, path),
        query_expansion=True,
        attend_to_expansion=value_of(values, "attend_to_mask_tokens", False, path),
        skiplist=_PUNCTUATION if punctuation else (),
    )


def _has_colbert_head(folder: Path) -> bool:
    path = folder / "model.safetensors"
    return path.is_file() and "linear.weight" in tensor_shapes(path)


def _pylate(folder: Path, make: MakeSpec) -> EncoderSpec:
    path = folder / _MODEL_CONFIG
    values = _model_config(folder)
    query_prefix = value_of(values, "query_prefix", "[Q] ", path)
    document_prefix = value_of(values, "document_prefix", "[D] ", path)
    query_prompt, document_prompt = _prompts(folder)
    expansion = value_of(values, "do_query_expansion", True, path)
    skiplist = value_of(values, "skiplist_words", list(_PUNCTUATION), path)
    return make(
        layout="pylate",
        # sentence-transformers saves the prefix at the start of the prompt too.
        query_prompt=query_prompt.removeprefix(query_prefix),
        document_prompt=document_prompt.removeprefix(document_prefix),
        query_prefix=query_prefix,
        document_prefix=document_prefix,
        query_length=value_of(values, "query_length", DEFAULT_QUERY_LENGTH, path),
        document_length=value_of(values, "document_length", DEFAULT_DOCUMENT_LENGTH, path),
        query_expansion=expansion,
        attend_to_expansion=expansion
        and value_of(values, "attend_to_expansion_tokens", False, path),
        skiplist=tuple(str(word) for word in skiplist),
        lowercase=_lowercase(folder),
    )


def _sentence(folder: Path, modules: list[tuple[str, str]], make: MakeSpec) -> EncoderSpec:
    prompts = _prompts(folder)
    length = _sentence_length(folder)
    return make(
        layout="sentence",
        pooling=_pooling(folder / dict(modules)["Pooling"] / "config.json", prompts),
        normalised="Normalize" in dict(modules) or _is_cosine(folder),
        query_prompt=prompts[0],
        document_prompt=prompts[1],
        query_length=length,
        document_length=length,
        lowercase=_lowercase(folder),
    )


def _multivector(folder: Path, modules: list[tuple[str, str]], make: MakeSpec) -> EncoderSpec:
    """Return the settings of a ``MultiVectorEncoder`` of sentence-transformers 6."""
    _ = _model_config(folder)
    path = folder / _SENTENCE_CONFIG
    values = read_object(path)
    length = _sentence_length(folder)
    expansion = value_of(values, "query_expansion", dict[str, object](), path)
    if expansion and (expansion.get("strategy") != "fixed" or expansion.get("token")):
        raise InputError(f"this query_expansion is not supported: {expansion}", where=str(path))
    query_length = value_of(values, "query_length", length, path)
    query_prompt, document_prompt = _prompts(folder)
    return make(
        layout="multivector",
        normalised="Normalize" in dict(modules),
        query_prompt=query_prompt,
        document_prompt=document_prompt,
        query_length=value_of(expansion, "length", query_length, path),
        document_length=value_of(values, "document_length", length, path),
        query_expansion=bool(expansion),
        attend_to_expansion=value_of(expansion, "attend", False, path),
        skiplist=_masked_words(folder / dict(modules)["MultiVectorMask"] / "config.json"),
        lowercase=_lowercase(folder),
    )


def _masked_words(path: Path) -> tuple[str, ...]:
    values = read_object(path)
    tasks = value_of(values, "skiplist_tasks", ["document"], path)
    if tasks != ["document"]:
        raise InputError(f"these skiplist_tasks are not supported: {tasks}", where=str(path))
    if values.get("keep_only_token_ids") is not None:
        raise InputError("keep_only_token_ids is not supported", where=str(path))
    return tuple(str(word) for word in value_of(values, "skiplist_words", list[object](), path))


def _model_config(folder: Path) -> dict[str, object]:
    """Return the settings of the whole model.

    Raises:
        InputError: one of them is not supported.
    """
    path = folder / _MODEL_CONFIG
    values = read_object(path)
    kind = value_of(values, "model_type", "", path)
    if kind in _OTHER_MODELS:
        raise InputError(f"a {kind} is not supported", where=str(path))
    if values.get("truncate_dim") is not None:
        raise InputError("truncate_dim is not supported", where=str(path))
    return values


def _prompts(folder: Path) -> tuple[str, str]:
    """Return the prompts of queries and documents, by the names that sentence-transformers uses."""
    path = folder / _MODEL_CONFIG
    prompts = value_of(_model_config(folder), "prompts", dict[str, object](), path)
    names = ("document", "passage", "corpus")
    document = next((name for name in names if name in prompts), "document")
    return value_of(prompts, "query", "", path), value_of(prompts, document, "", path)


def _is_cosine(folder: Path) -> bool:
    """Return whether vectors that were not normalised are compared by cosine, else by dot."""
    path = folder / _MODEL_CONFIG
    name = value_of(read_object(path), "similarity_fn_name", "cosine", path)
    if name not in {"cosine", "dot", "dot_score"}:
        raise InputError(
            f"the similarity {name} of vectors that are not normalised is not supported",
            where=str(path),
        )
    return name == "cosine"


def _sentence_length(folder: Path) -> int:
    """Return how many tokens are kept of a text; where no file says so, BERT's 512."""
    for name, key in (
        (_SENTENCE_CONFIG, "max_seq_length"),
        ("tokenizer_config.json", "model_max_length"),
    ):
        length = read_object(folder / name).get(key)
        # A tokenizer without a limit says so by an astronomical number.
        if isinstance(length, int) and not isinstance(length, bool) and length < 1 << 30:
            return length
    return SENTENCE_LENGTH


def _lowercase(folder: Path) -> bool:
    path = folder / _SENTENCE_CONFIG
    return value_of(read_object(path), "do_lower_case", False, path)


def _pooling(path: Path, prompts: tuple[str, str]) -> Pooling:
    values = _required(path)
    if any(prompts) and not value_of(values, "include_prompt", True, path):
        raise InputError(
            "pooling without the prompt (include_prompt) is not supported", where=str(path)
        )
    named = value_of(values, "pooling_mode", "", path)
    flags = {key for key, value in values.items() if value is True} - {"include_prompt"}
    modes = {mode.removeprefix("pooling_mode_") for mode in ({named} if named else flags)}
    pooling: dict[str, Pooling] = {
        "mean": "mean",
        "mean_tokens": "mean",
        "cls": "cls",
        "cls_token": "cls",
        "lasttoken": "last",
    }
    if len(modes) == 1 and (mode := modes.pop()) in pooling:
        return pooling[mode]
    raise InputError(
        f"this pooling is not supported: {', '.join(sorted(modes)) or 'none'}",
        where=str(path),
        todo="Supported are mean, CLS and last-token pooling.",
    )


def _projections(
    folder: Path, modules: list[tuple[str, str]], width: int
) -> tuple[Projection, ...]:
    pooled = any(kind == "Pooling" for kind, _ in modules)
    projections = []
    for kind, name in modules:
        if kind == "Dense":
            projections.append(_projection(folder, name, width, pooled=pooled))
            width = projections[-1].outputs
    return tuple(projections)


def _projection(folder: Path, name: str, width: int, *, pooled: bool) -> Projection:
    path = folder / name / "config.json"
    values = _required(path)
    activation = value_of(values, "activation_function", "Identity", path).rpartition(".")[2]
    kinds: dict[str, Literal["identity", "tanh"]] = {"Identity": "identity", "Tanh": "tanh"}
    if activation not in kinds:
        raise InputError(f"this activation is not supported: {activation}", where=str(path))
    source = value_of(values, "module_input_name", "", path)
    if source not in {"", "sentence_embedding" if pooled else "token_embeddings"}:
        raise InputError(f"the module_input_name {source} is not supported here", where=str(path))
    projection = Projection(
        file=f"{name}/model.safetensors",
        inputs=value_of(values, "in_features", 0, path),
        outputs=value_of(values, "out_features", 0, path),
        bias=value_of(values, "bias", True, path),
        activation=kinds[activation],
        residual=value_of(values, "use_residual", False, path),
    )
    if projection.inputs != width or projection.outputs < 1:
        raise InputError(
            f"in_features {projection.inputs} and out_features {projection.outputs} do not fit"
            f" vectors of {width} dimensions",
            where=str(path),
        )
    return projection


def _required(path: Path) -> dict[str, object]:
    values = read_object(path)
    if not values:
        raise InputError(
            f"there is no {path.parent.name}/config.json",
            where=str(path),
            todo="Copy the file from the checkpoint that the folder comes from.",
        )
    return values

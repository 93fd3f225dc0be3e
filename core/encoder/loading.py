"""From a path or a hub id to an encoder that can be used."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from core.encoder.availability import on_mlx_thread, require_mlx
from core.encoder.folder import encoder_folder, read_spec

if TYPE_CHECKING:
    from pathlib import Path

    import mlx.core as mx

    from core.encoder.encoder import Encoder
    from core.encoder.spec import EncoderSpec


def load_encoder(
    path_or_id: str | Path,
    *,
    query_length: int | None = None,
    document_length: int | None = None,
) -> Encoder:
    """Load an encoder from a folder or from the hub.

    Args:
        path_or_id: a folder, or a hub id ``owner/name``.
        query_length: tokens kept of a query, in place of what the folder says; at least 4.
        document_length: tokens kept of a document, in place of what the folder says.

    Raises:
        InputError: the folder, a file in it or a tensor is missing or malformed.
        UnavailableError: MLX does not run on this machine.
    """
    folder = encoder_folder(path_or_id)
    spec = read_spec(folder, query_length=query_length, document_length=document_length)
    require_mlx()
    return on_mlx_thread(lambda: _build(spec))


def _build(spec: EncoderSpec) -> Encoder:
    from mlx.utils import tree_flatten

    from core.encoder.encoder import Encoder
    from core.encoder.models.module import EncoderModule
    from core.encoder.tokenizing import TextTokenizer
    from core.encoder.weights import load_tensors, sources

    module = EncoderModule(spec)
    tokenizer = TextTokenizer(spec)
    named = cast("list[tuple[str, mx.array]]", tree_flatten(module.parameters()))
    shapes = {name: tensor.shape for name, tensor in named}
    loaded: dict[str, mx.array] = {}
    for source in sources(spec, shapes):
        loaded |= load_tensors(source.files, source.names, shapes)
    module.load_weights(list(loaded.items()))
    module.eval()
    return Encoder(spec, module, tokenizer)

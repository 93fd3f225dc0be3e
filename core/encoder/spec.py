"""What an encoder's folder says of it, before its weights are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

Family = Literal["bert", "distilbert", "modernbert", "mpnet", "qwen3", "roberta", "t5"]
Layout = Literal["colbert", "pylate", "sentence", "multivector", "plain"]
Pooling = Literal["none", "mean", "cls", "last"]
#: What PyLate takes where a folder says nothing.
DEFAULT_QUERY_LENGTH = 32
DEFAULT_DOCUMENT_LENGTH = 180


@dataclass(frozen=True, slots=True)
class Projection:
    """A linear layer after the transformer.

    Args:
        file: the safetensors file with its weights, relative to the encoder's folder.
        inputs: width of its input.
        outputs: width of its output.
        bias: whether it has a bias.
        activation: applied to the product, before the residual is added.
        residual: whether the input is added, projected by a second matrix where the widths differ.
    """

    file: str
    inputs: int
    outputs: int
    bias: bool = False
    activation: Literal["identity", "tanh"] = "identity"
    residual: bool = False


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """How an encoder turns texts into vectors, as its folder says.

    Args:
        folder: holds the encoder.
        family: the architecture.
        layout: the program that wrote the folder: ColBERT, PyLate, sentence-transformers for one
            vector per text, its ``MultiVectorEncoder``; ``plain`` is a folder with only config,
            weights and tokenizer.
        hidden_size: width of the transformer.
        pooling: ``none`` keeps a vector for each token; the others make one for each text.
        projections: the linear layers after it, in order.
        normalised: whether vectors are scaled to length 1; otherwise their lengths count.
        query_prompt: the text put before each query, before it is split into tokens.
        document_prompt: the same for documents.
        query_prefix: the token inserted at the second position of each query; empty for none.
        document_prefix: the same for documents.
        query_length: tokens kept of a query, special tokens, prompt and prefix included.
        document_length: tokens kept of a document.
        query_expansion: whether queries are filled up to ``query_length`` with mask tokens, whose
            vectors are kept too.
        attend_to_expansion: whether the query's own tokens attend to those mask tokens.
        skiplist: the words whose vectors are dropped from documents.
        lowercase: whether texts are lower-cased before they are split into tokens.
        checkpoint: SHA-256 over the names and contents of all files that decide the vectors, and
            over lengths that were set by hand.
    """

    folder: Path
    family: Family
    layout: Layout
    hidden_size: int
    pooling: Pooling = "none"
    projections: tuple[Projection, ...] = ()
    normalised: bool = True
    query_prompt: str = ""
    document_prompt: str = ""
    query_prefix: str = ""
    document_prefix: str = ""
    query_length: int = DEFAULT_QUERY_LENGTH
    document_length: int = DEFAULT_DOCUMENT_LENGTH
    query_expansion: bool = False
    attend_to_expansion: bool = False
    skiplist: tuple[str, ...] = ()
    lowercase: bool = False
    checkpoint: str = ""

    @property
    def dimensions(self) -> int:
        """Width of the vectors."""
        return self.projections[-1].outputs if self.projections else self.hidden_size

    @property
    def one_vector(self) -> bool:
        """Whether a text gives one vector instead of one for each token."""
        return self.pooling != "none"

    @property
    def summed(self) -> bool:
        """Whether that one vector is a sum of parts, one from each token.

        A mean is such a sum, and linear layers after it keep it one.
        """
        linear = all(projection.activation == "identity" for projection in self.projections)
        return self.pooling == "mean" and linear

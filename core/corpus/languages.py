"""The language of a file: by its name, its shebang line, and for C headers its content.

The names are Pygments' too, so they also choose the highlighting.
"""

from __future__ import annotations

import re
from typing import Final

PLAIN: Final = "text"

_BY_EXTENSION: Final = {
    extension: language
    for language, extensions in {
        "python": "py pyi pyw",
        "rust": "rs",
        "go": "go",
        "javascript": "js mjs cjs jsx",
        "typescript": "ts mts cts",
        "tsx": "tsx",
        "java": "java",
        "c": "c h",
        "cpp": "cc cpp cxx c++ hpp hh hxx h++ ipp inl cu cuh metal",
        "swift": "swift",
        "bash": "sh bash zsh ksh",
        "clojure": "clj cljs cljc edn",
        "cmake": "cmake",
        "csharp": "cs",
        "css": "css",
        "dart": "dart",
        "diff": "diff patch",
        "elixir": "ex exs",
        "erlang": "erl hrl",
        "fish": "fish",
        "fortran": "f f90 f95 f03",
        "fsharp": "fs fsi fsx",
        "graphql": "graphql gql",
        "haskell": "hs",
        "html": "html htm xhtml",
        "ini": "ini cfg conf",
        "json": "json jsonl ipynb",
        "julia": "jl",
        "kotlin": "kt kts",
        "less": "less",
        "lua": "lua",
        "markdown": "md markdown",
        "nix": "nix",
        "objective-c": "m mm",
        "ocaml": "ml mli",
        "perl": "pl pm t",
        "php": "php",
        "powershell": "ps1 psm1",
        "protobuf": "proto",
        "r": "r",
        "restructuredtext": "rst",
        "ruby": "rb rake gemspec",
        "scala": "scala sc",
        "scss": "scss",
        "sql": "sql",
        "terraform": "tf tfvars",
        "toml": "toml",
        "vim": "vim",
        "xml": "xml xsd xsl svg plist",
        "yaml": "yaml yml",
        "zig": "zig",
    }.items()
    for extension in extensions.split()
}

_BY_NAME: Final = {
    "cmakelists.txt": "cmake",
    "dockerfile": "docker",
    "gemfile": "ruby",
    "gnumakefile": "make",
    "makefile": "make",
    "rakefile": "ruby",
}

_SHEBANG: Final = re.compile(r"#!\s*(?:\S*/)?([a-z]+)[\d.]*(?:[ \t]+(?:-\S+[ \t]+)*([a-z]+))?")
_BY_PROGRAM: Final = {
    "bash": "bash",
    "dash": "bash",
    "deno": "typescript",
    "fish": "fish",
    "ksh": "bash",
    "lua": "lua",
    "node": "javascript",
    "perl": "perl",
    "php": "php",
    "pypy": "python",
    "python": "python",
    "ruby": "ruby",
    "sh": "bash",
    "swift": "swift",
    "zsh": "bash",
}

_CPP_HEADER: Final = re.compile(
    r"^[ \t]*(?:class\s+\w|namespace\b|template\s*<|using\s+\w|(?:public|private|protected):)"
    r"|\bstd::",
    re.MULTILINE,
)


def language_of(path: str, text: str) -> str:
    """Return the language of a file; ``text`` if it is unknown."""
    name = path.rpartition("/")[2].lower()
    stem, dot, extension = name.rpartition(".")
    if dot and stem:
        language = _BY_NAME.get(name) or _BY_EXTENSION.get(extension, PLAIN)
        if extension == "h" and _CPP_HEADER.search(text):
            return "cpp"
        return language
    return _BY_NAME.get(name) or _by_shebang(text)


def _by_shebang(text: str) -> str:
    found = _SHEBANG.match(text[:200])
    if not found:
        return PLAIN
    program, argument = found.groups()
    return _BY_PROGRAM.get(argument or "" if program == "env" else program, PLAIN)

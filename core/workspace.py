r"""The workspace: the ``.rejudge`` folder beside a person's work, and what lies in it.

Where the ``.rejudge`` folder lies when DuckDB cannot open a database in its own place.

DuckDB takes what follows a ``?`` in a path for options of an address and puts the name of its log
before it, turns each ``\\`` into a ``/``, and refuses names that are not UTF-8. It also follows
every link before it does so, which leaves one way: the folder lies elsewhere, and ``.rejudge`` is
a link to it.

A path as a person gives it.
"""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from core.errors import WorkspaceError
from core.text import storable

_UNFIT: Final = re.compile(r"[?\\\ud800-\udfff]")
_PLAIN: Final = re.compile(r"[^A-Za-z0-9_-]+")


def fits(path: Path) -> bool:
    """Return whether DuckDB can open a database at ``path``, once every link is followed."""
    return not _UNFIT.search(str(path.resolve()))


def make_folder(folder: Path) -> None:
    """Make the folder for a database, or a link to one in the person's data folder.

    Raises:
        OSError: neither can be made.
    """
    if fits(folder) or folder.exists():
        folder.mkdir(parents=True, exist_ok=True)
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    base = _data_folder()
    base.mkdir(parents=True, exist_ok=True)
    name = _PLAIN.sub("-", folder.parent.name).strip("-")[:40]
    place = Path(tempfile.mkdtemp(prefix=f"{name or 'workspace'}-", dir=base))
    try:
        folder.symlink_to(place, target_is_directory=True)
    except OSError:
        place.rmdir()
        raise


def _data_folder() -> Path:
    given = os.environ.get("XDG_DATA_HOME", "")
    base = Path(given) if given.startswith("/") else Path.home() / ".local" / "share"
    return base / "rejudge"


def given_path(text: str) -> Path:
    """Return the path that ``text`` names; ``~`` and ``~name`` at its beginning are home folders.

    Where there is no such home it is a name like any other, as in a shell.
    """
    return Path(os.path.expanduser(text))  # noqa: PTH111 - Path.expanduser raises in that case


FOLDER_NAME: Final = ".rejudge"
SETTINGS_NAME: Final = "settings.toml"
GUIDELINES_NAME: Final = "guidelines.md"
_TEXTS: Final = frozenset({"annotator", "theme", "judge", "store"})
_SHARES: Final = frozenset({"blind_share", "repeat_share"})
_COUNTS: Final = frozenset({"refit_after"})
ANNOTATOR_VARIABLE: Final = "REJUDGE_ANNOTATOR"
STORE_VARIABLE: Final = "REJUDGE_STORE"
#: Given as a store: the workspace's own database file, whatever the settings say.
OWN_FILE: Final = "file"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a person set in ``settings.toml``. ``keys`` maps a command's id to its keys.

    ``blind_share`` is the share of pairs graded without the judge in sight, ``repeat_share`` that
    of earlier pairs which come back, each from 0 to 1. ``refit_after`` is the number of new labels
    after which the grades are calibrated again in the background; 0: never.
    """

    annotator: str = ""
    theme: str = ""
    judge: str = ""
    store: str = ""
    blind_share: float = 0.1
    repeat_share: float = 0.03
    refit_after: int = 10
    keys: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Workspace:
    """A folder that rejudge works in. ``root`` is the person's folder, ``folder`` ours in it.

    ``store`` is the url of the store that was asked for; empty: as the settings say.
    """

    root: Path
    store: str = ""

    @property
    def folder(self) -> Path:
        """The ``.rejudge`` folder."""
        return self.root / FOLDER_NAME

    @property
    def exists(self) -> bool:
        """Whether ``init`` has been here."""
        return self.folder.is_dir()

    def create(self, *, judge: str = "") -> bool:
        """Make the folder with its settings and guidelines; return whether anything was made.

        Where DuckDB cannot open a file of that place, ``core.workspace`` finds another.

        Args:
            judge: the audited judge, for the settings of a new workspace; empty: not set.

        Raises:
            WorkspaceError: the folder cannot be made.
        """
        fresh = not self.exists
        try:
            make_folder(self.folder)
            chosen = f'judge = "{judge}"\n' if judge else ""
            for name, start in ((SETTINGS_NAME, chosen), (GUIDELINES_NAME, "")):
                target = self.folder / name
                if not target.exists():
                    target.write_text(start + _template(name), encoding="utf-8")
            ignore = self.folder / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n", encoding="utf-8")
        except OSError as error:
            raise WorkspaceError(
                f"the workspace cannot be made: {error.strerror}",
                where=str(self.folder),
                todo="Choose a folder that you can write to with --workspace DIR.",
            ) from error
        return fresh

    def require(self) -> None:
        """Raise WorkspaceError unless ``init`` has been here."""
        if not self.exists:
            raise WorkspaceError(
                "there is no rejudge workspace here",
                where=str(self.root),
                todo="Make one with: rejudge init   (or see the sample with: rejudge demo)",
            )

    def settings(self) -> Settings:
        """Read ``settings.toml``; what is absent has its default.

        Raises:
            WorkspaceError: the file is not TOML or a value has the wrong type.
        """
        return _checked_settings(self._settings_values(), self.folder / SETTINGS_NAME)

    def _settings_values(self) -> dict[str, Any]:
        import tomllib

        path = self.folder / SETTINGS_NAME
        try:
            with path.open("rb") as file:
                return tomllib.load(file)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise WorkspaceError(
                f"the settings cannot be read: {error}",
                where=str(path),
                todo="Mend that line, or delete the file to go back to the defaults.",
            ) from error

    def guidelines(self) -> str:
        """Return the labelling guidelines, in Markdown."""
        try:
            return (self.folder / GUIDELINES_NAME).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return _template(GUIDELINES_NAME)

    def store_url(self) -> str:
        """Return the url of a team's store: as asked for, else by the environment, the settings.

        Empty when the workspace keeps its data in its own database file. A mistake elsewhere in
        the settings does not matter here.

        Raises:
            WorkspaceError: the settings are not TOML or name the store by something else than
                text: a guess might write a person's labels into the wrong store.
        """
        url = self.store or os.environ.get(STORE_VARIABLE) or self._store_of_settings()
        return "" if url.strip() == OWN_FILE else url.strip()

    def _store_of_settings(self) -> str:
        value = self._settings_values().get("store", "")
        return value if isinstance(value, str) else self.settings().store

    def remember_store(self) -> None:
        """Write the store that was asked for into the settings, before all else that they hold.

        Raises:
            WorkspaceError: the file cannot be written.
        """
        path = self.folder / SETTINGS_NAME
        escaped = self.store.replace("\\", "\\\\").replace('"', '\\"')
        try:
            kept = path.read_text("utf-8") if path.exists() else ""
            path.write_text(f'store = "{escaped}"\n\n{kept}', "utf-8")
        except OSError as error:
            raise WorkspaceError(
                f"the settings cannot be written: {error.strerror}", where=str(path)
            ) from error

    def annotator(self, given: str | None = None) -> str:
        """Return who labels: ``given``, else the environment, the settings, the login name."""
        return storable(
            given
            or os.environ.get(ANNOTATOR_VARIABLE)
            or self.settings().annotator
            or _login_name()
        )


def find_workspace(start: Path, store: str = "") -> Workspace:
    """Return the workspace of ``start`` or of the nearest folder above it that has one.

    Without any, the workspace of ``start`` itself is returned; it does not exist yet.
    """
    start = start.expanduser().absolute()
    for folder in (start, *start.parents):
        if (folder / FOLDER_NAME).is_dir():
            return Workspace(folder, store)
    return Workspace(start, store)


def _template(name: str) -> str:
    from importlib import resources

    return resources.files("core").joinpath("templates", name).read_text(encoding="utf-8")


def _login_name() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "annotator"


def _checked_settings(values: dict[str, Any], path: Path) -> Settings:
    keys = values.pop("keys", {})
    wrong = [name for name, value in values.items() if not _fits(name, value)]
    if wrong or not isinstance(keys, dict) or not all(isinstance(k, str) for k in keys.values()):
        raise WorkspaceError(
            f"the settings hold what rejudge does not know: {', '.join(wrong) or 'keys'}",
            where=str(path),
            todo=f"Known are {', '.join(sorted(_TEXTS))} as text, {', '.join(sorted(_SHARES))} from"
            f" 0 to 1, {', '.join(sorted(_COUNTS))} as a whole number, and the table [keys].",
        )
    named = {str(name): str(key) for name, key in keys.items()}
    return replace(Settings(keys=named), **values)


def _fits(name: str, value: object) -> bool:
    if name in _TEXTS:
        return isinstance(value, str)
    if isinstance(value, bool):
        return False
    if name in _SHARES:
        return isinstance(value, int | float) and 0 <= value <= 1
    return name in _COUNTS and isinstance(value, int) and value >= 0

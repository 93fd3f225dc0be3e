r"""The workspace: the ``.rejudge`` folder beside a person's work, and its settings.

DuckDB cannot open a database at every path. It reads what follows a ``?`` as options, turns each
``\\`` into a ``/``, and refuses names that are not UTF-8. But it follows links first. So at such a
place ``.rejudge`` is a link to a folder in the person's data folder.
"""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from core.errors import WorkspaceError
from core.files import write_atomically
from core.text import storable

FOLDER_NAME: Final = ".rejudge"
SETTINGS_NAME: Final = "settings.toml"
GUIDELINES_NAME: Final = "guidelines.md"
ANNOTATOR_VARIABLE: Final = "REJUDGE_ANNOTATOR"
STORE_VARIABLE: Final = "REJUDGE_STORE"
#: As the url of a store: the workspace's own database file, whatever the settings say.
OWN_FILE: Final = "file"
_UNFIT: Final = re.compile(r"[?\\\ud800-\udfff]")
_NOT_PLAIN: Final = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Settings:
    """The person's ``settings.toml``. A text may be any, a share is 0 to 1, a count 0 or more.

    Attributes:
        annotator: who labels.
        theme: of the app.
        judge: whose scores are audited; empty: the judge that scored most.
        store: the url of a team's store.
        blind_share: the share of pairs that are graded with the judge's score hidden.
        repeat_share: the share of earlier pairs that come back to be graded again.
        refit_after: how many new labels start a calibration in the background; 0: none.
        keys: maps a command's id to its keys.
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
    """A folder that rejudge works in.

    Attributes:
        root: the person's folder; ``folder`` is ours inside it.
        store: the url of the store to use; empty: as the settings say.
    """

    root: Path
    store: str = ""

    @property
    def folder(self) -> Path:
        """The ``.rejudge`` folder."""
        return self.root / FOLDER_NAME

    @property
    def exists(self) -> bool:
        """Whether the workspace has been created."""
        return self.folder.is_dir()

    def require(self) -> None:
        """Raise WorkspaceError unless the workspace exists."""
        if not self.exists:
            raise WorkspaceError(
                "there is no rejudge workspace here",
                where=str(self.root),
                todo="Create one with: rejudge init   (or see the sample with: rejudge demo)",
            )

    def create(self, *, judge: str = "") -> bool:
        """Create the folder with settings and guidelines; return False if it existed.

        Files that are there are kept.

        Args:
            judge: the audited judge, for the settings of a new workspace; empty: not set.

        Raises:
            WorkspaceError: the folder cannot be created.
        """
        fresh = not self.exists
        chosen = f'judge = "{judge}"\n' if judge else ""
        contents = {
            SETTINGS_NAME: chosen + _template(SETTINGS_NAME),
            GUIDELINES_NAME: _template(GUIDELINES_NAME),
            ".gitignore": "*\n",
        }
        try:
            _make_folder(self.folder)
            for name, content in contents.items():
                if not (self.folder / name).exists():
                    write_atomically(self.folder / name, content)
        except OSError as error:
            raise WorkspaceError(
                f"the workspace could not be created: {error.strerror}",
                where=str(self.folder),
                todo="Choose a folder that you can write to with --workspace DIR.",
            ) from error
        return fresh

    def settings(self) -> Settings:
        """Read ``settings.toml``; what is not set has its default.

        Raises:
            WorkspaceError: the file is not TOML, or has an unknown name or a wrong value.
        """
        return _parse_settings(self._settings_values(), self.folder / SETTINGS_NAME)

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
                todo="Fix that line, or delete the file to go back to the defaults.",
            ) from error

    def guidelines(self) -> str:
        """Return the labelling guidelines, in Markdown."""
        try:
            return (self.folder / GUIDELINES_NAME).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return _template(GUIDELINES_NAME)

    def store_url(self) -> str:
        """Return the url of the team's store; empty for the workspace's own database file.

        ``store`` comes first, then the environment, then the settings. Other mistakes in the
        settings do not matter here.

        Raises:
            WorkspaceError: the settings are not TOML, or their store is not a text. A guess could
                write a person's labels into the wrong store.
        """
        url = self.store or os.environ.get(STORE_VARIABLE) or self._store_setting()
        return "" if url.strip() == OWN_FILE else url.strip()

    def _store_setting(self) -> str:
        value = self._settings_values().get("store", "")
        return value if isinstance(value, str) else self.settings().store

    def remember_store(self) -> None:
        """Write ``store`` into the settings; see ``remember``."""
        self.remember("store", self.store)

    def remember(self, name: str, value: str) -> None:
        """Write a text setting in place of its line, or in front of everything else.

        Raises:
            WorkspaceError: the file cannot be written, or is no TOML.
        """
        import tomllib

        path = self.folder / SETTINGS_NAME
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        line = f'{name} = "{escaped}"'
        try:
            text = path.read_text("utf-8") if path.exists() else ""
            found = re.search(rf"^{name}\s*=.*$", text.partition("\n[")[0], re.MULTILINE)
            if found:
                text = text[: found.start()] + line + text[found.end() :]
            else:
                text = f"{line}\n\n{text}"
            tomllib.loads(text)
            write_atomically(path.resolve(), text)
        except ValueError as error:
            raise WorkspaceError(
                f"the settings could not be changed: {error}",
                where=str(path),
                todo=f"Mend the file, and set there: {line}",
            ) from error
        except OSError as error:
            raise WorkspaceError(
                f"the settings could not be written: {error.strerror}",
                where=str(path),
                todo="Make the file writable for you, then try again.",
            ) from error

    def annotator(self, given: str | None = None) -> str:
        """Return who labels: ``given``, else from the environment, the settings, the login name."""
        return storable(
            given
            or os.environ.get(ANNOTATOR_VARIABLE)
            or self.settings().annotator
            or _login_name()
        )


def find_workspace(start: Path, store: str = "") -> Workspace:
    """Return the workspace in ``start`` or in the nearest folder above it.

    If there is none, the result is the workspace of ``start``, which does not exist yet.
    """
    start = start.expanduser().absolute()
    for folder in (start, *start.parents):
        if (folder / FOLDER_NAME).is_dir():
            return Workspace(folder, store)
    return Workspace(start, store)


def given_path(text: str) -> Path:
    """Return the path that a person typed; ``~`` and ``~name`` at its start are home folders.

    As in a shell, ``~name`` without such a home is an ordinary name.
    """
    return Path(os.path.expanduser(text))  # noqa: PTH111 - Path.expanduser raises in that case


def fits(path: Path) -> bool:
    """Return whether DuckDB can open a file at ``path``, with all links followed."""
    return not _UNFIT.search(str(path.resolve()))


def _make_folder(folder: Path) -> None:
    if fits(folder) or folder.exists():
        folder.mkdir(parents=True, exist_ok=True)
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    base = _data_folder()
    base.mkdir(parents=True, exist_ok=True)
    name = _NOT_PLAIN.sub("-", folder.parent.name).strip("-")[:40]
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


def _template(name: str) -> str:
    from importlib import resources

    return resources.files("core").joinpath("templates", name).read_text(encoding="utf-8")


def _login_name() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "annotator"


def _parse_settings(values: dict[str, Any], path: Path) -> Settings:
    keys = values.pop("keys", {})
    kinds = {setting.name: str(setting.type) for setting in fields(Settings)}
    wrong = [name for name, value in values.items() if not _is_valid(kinds.get(name), value)]
    if not isinstance(keys, dict) or not all(isinstance(key, str) for key in keys.values()):
        wrong.append("keys")
    if wrong:
        known = {
            kind: ", ".join(sorted(name for name in kinds if kinds[name] == kind))
            for kind in ("str", "float", "int")
        }
        raise WorkspaceError(
            f"unknown setting or wrong value: {', '.join(wrong)}",
            where=str(path),
            todo=f"Valid are {known['str']} as text, {known['float']} from 0 to 1, {known['int']}"
            " as a whole number, and the table [keys] with texts.",
        )
    named = {str(name): str(key) for name, key in keys.items()}
    return replace(Settings(keys=named), **values)


def _is_valid(kind: str | None, value: object) -> bool:
    if kind == "str":
        return isinstance(value, str)
    if isinstance(value, bool):
        return False
    if kind == "float":
        return isinstance(value, int | float) and 0 <= value <= 1
    return kind == "int" and isinstance(value, int) and value >= 0

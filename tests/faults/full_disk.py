"""Work on a disk that is full, then on one that has room: see ``full_disk_run``.

``python -m tests.faults.full_disk KIND FOLDER HOW`` prints what came of it as JSON.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.errors import RejudgeError
from tests.faults.kills.kill_run import HOUSE, killed_work

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Bytes that there is still room for: in the whole file system, or in each file.
ROOM: Final = 10_000
_SIZE: Final = "96m"
_BALLAST: Final = "ballast"


@dataclass
class FullDisk:
    """What came of it: how the work was refused, and what there was when it had come to its end.

    ``refusal`` is the whole error; ``acknowledged`` counts what was said before it.
    """

    refusal: str = ""
    kind_of_error: str = ""
    acknowledged: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)


def full_disk_run(kind: str, folder: Path, how: str) -> FullDisk:
    """Let a kind of work meet a full disk in a process of its own, then end with room.

    Args:
        kind: one of the kinds that are killed too.
        folder: where the workspace is made.
        how: ``tmpfs``, a small file system mounted on the folder, where that is allowed; or
            ``limit``, no file larger than ``ROOM``.
    """
    words = [sys.executable, "-P", "-m", "tests.faults.full_disk", kind, str(folder), how]
    done = subprocess.run(
        own_file_system(words) if how == "tmpfs" else words,
        cwd=HOUSE,
        env=os.environ | {"PYTHONPATH": str(HOUSE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return FullDisk(**json.loads(done.stdout.splitlines()[-1]))


def may_mount() -> bool:
    """Whether a process may have a file system of its own here."""
    words = own_file_system(["mount", "-t", "tmpfs", "none", "/mnt"])
    try:
        return subprocess.run(words, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def own_file_system(words: list[str]) -> list[str]:
    """Return the command line that runs this one where it may mount, seen by nobody else."""
    return ["unshare", "--user", "--map-root-user", "--mount", *words]


def mount(folder: Path, more: str = "rw") -> None:
    """Mount a small file system on a folder, or mount it again with another option."""
    options = f"size={_SIZE},{more}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], check=True)


@contextmanager
def _no_room(folder: Path, how: str) -> Iterator[None]:
    if how == "limit":
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        return
    space = os.statvfs(folder)
    (folder / _BALLAST).write_bytes(bytes(space.f_bavail * space.f_frsize - ROOM))
    try:
        yield
    finally:
        (folder / _BALLAST).unlink()


def main(kind: str, folder: Path, how: str) -> FullDisk:
    """Do the work and return what came of it."""
    if how == "tmpfs":
        mount(folder)
    work, found, said = killed_work(kind), FullDisk(), list[str]()
    root = folder / "work"
    work.prepare(root)
    with work.beside() as beside:
        with _no_room(folder, how):
            try:
                work.run(root, beside, said.append)
            except RejudgeError as error:
                found.refusal = str(error)
                found.kind_of_error = type(error).__name__
        found.acknowledged = len(said)
        kept = work.kept(root)
        found.lost = sorted(set(said) - set(kept))
        work.run(root, beside, said.append)
    kept = work.kept(root)
    found.lost += sorted(set(said) - set(kept))
    found.doubled = [one for one, times in Counter(kept).items() if times > 1]
    work.check_whole(root, root)
    return found


if __name__ == "__main__":
    # The worker of a training run takes stdout for its events.
    with os.fdopen(os.dup(1), "w") as answer:
        print(json.dumps(asdict(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))), file=answer)

"""`headstart manifest`: lists the docstrings of the installed libraries as the rows of the embedded tasks."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from headstart.commands.arguments import argument, command


@command(
    "manifest",
    "FILE",
    "list the docstrings of the installed libraries, for the rows of the embedded tasks",
    "headstart manifest mine.parquet",
    argument("file", metavar="FILE", type=Path, help="the file to write; it holds digests and no text"),
)
def manifest(options: Namespace) -> int:
    from headstart.data.docs.corpus import listed
    from headstart.data.docs.manifest import versions, write
    from headstart.errors import DataError
    from headstart.screen import waiting

    if options.file.is_dir() or not options.file.absolute().parent.is_dir():
        raise DataError(f"{options.file}: cannot be written: name a file in a folder that exists")

    with waiting("listing the docstrings of the installed libraries"):
        rows = list(listed())
        write(options.file, rows)
    made_with = ", ".join(f"{library} {version}" for library, version in versions().items())
    print(f"wrote {options.file}: {len(rows)} docstrings of {made_with}")
    print(f"a task takes them with: task.docs.manifest={options.file}")
    return 0

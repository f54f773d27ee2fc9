"""Tab completion in bash: the script that a shell evaluates, and the words that may come next."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from headstart.commands.arguments import Command
from headstart.errors import ConfigError

SCRIPT = r"""
_headstart() {
    local line="${COMP_LINE:0:COMP_POINT}" cur="${COMP_WORDS[COMP_CWORD]}" IFS=$'\n' word reply
    [[ "$cur" == "=" || "$cur" == ":" ]] && cur=""  # bash splits words there, and completes what follows
    word="${line##*[[:blank:]]}"
    COMPREPLY=()
    while read -r reply; do
        COMPREPLY+=("${reply#"${word%"$cur"}"}")
    done < <(COMP_LINE="$COMP_LINE" COMP_POINT="$COMP_POINT" "${COMP_WORDS[0]}" -sc query=bash 2>/dev/null)
}
complete -o nospace -o default -F _headstart headstart
"""
FOLDERS = ("report", "verify", "pack", "reproduce", "energy")  # commands on a folder


def complete(request: Sequence[str], commands: Mapping[str, Command], study: Command) -> int:
    """`-sc install=bash`, `-sc uninstall=bash`, or `-sc query=bash` for the line in COMP_LINE."""
    if list(request) == ["install=bash"]:
        print(SCRIPT.strip())
    elif list(request) == ["uninstall=bash"]:
        print("complete -r headstart; unset -f _headstart")
    elif list(request) == ["query=bash"]:
        line = os.environ.get("COMP_LINE", "")[: int(os.environ.get("COMP_POINT", "0") or 0) or None]
        *before, word = [*line.split(), ""] if line[-1:].isspace() or not line else line.split()
        for candidate in next_words(before[1:], word, commands, study):
            print(candidate)
    else:
        raise ConfigError(
            f"-sc {' '.join(request) or '(nothing)'}: there is install=bash, uninstall=bash and query=bash; "
            'type: eval "$(headstart -sc install=bash)"'
        )
    return 0


def next_words(
    before: Sequence[str], word: str, commands: Mapping[str, Command], study: Command
) -> list[str]:
    """What may stand in the place of `word`, after the words `before`; a whole word ends with a blank."""
    command_word = before[0] if before else ""
    command = commands.get(command_word, study)
    candidates: list[str] = []
    if word.startswith("-"):
        candidates = [f"{flag} " for flag in command.parser().flags()]
    elif command.word in FOLDERS:
        candidates = [
            f"{path}/" for path in sorted(Path().glob(f"{word}*/")) if not path.name.startswith(".")
        ]
    elif command.word == "new":
        candidates = ["task "] if len(before) == 1 else []
    elif command.word in ("", "plan", "fetch") and command_word != "help":
        candidates = list(_settings(word))
    if command_word in ("", "help"):
        candidates += [f"{name} " for name in (*commands, "help")]
    return [candidate for candidate in candidates if candidate.startswith(word)]


def _settings(word: str) -> Iterator[str]:
    """`arm=scratch,pre` to every choice that fits; `optim.` to its settings; anything to the groups."""
    from headstart.studies.config_search import choices

    group, equals, value = word.partition("=")
    chosen = value.split(",")[:-1]
    if equals:
        yield from (
            f"{group}={','.join([*chosen, name])}" for name in choices().get(group, ()) if name not in chosen
        )
    elif "." in word:
        from headstart.config import settings_at
        from headstart.run import Run

        path = word.split(".")[:-1]
        yield from (f"{'.'.join([*path, name])}=" for name in sorted(settings_at(Run, path)))
    else:
        yield from (f"{name}=" for name in ("seed", *choices()))

"""Problems of one file, noted with the line of a path inside it."""

from __future__ import annotations

from xinlu.law.library import Filed
from xinlu.law.problem import CODES, Problem, problem


class Notes:
    """What is wrong with one piece of law."""

    def __init__(self, filed: Filed) -> None:
        self.filed = filed
        self.problems: list[Problem] = []

    def add(self, code: str, sentence: str, *path: str | int) -> None:
        """Note a problem at ``path`` inside the piece."""
        line = self.filed.line(path)
        file = self.filed.marked.file
        if code in CODES:
            self.problems.append(problem(code, sentence, file=file, line=line))
        else:
            self.problems.append(Problem(code=code, sentence=sentence, file=file, line=line))

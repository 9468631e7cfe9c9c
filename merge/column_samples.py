"""What the cells of a sheet's columns look like in its first rows, whatever the headings say: IDs, names, amounts."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from merge.cells import Notation
from merge.columns import StudentColumn
from merge.headings import fold
from merge.sheet import Sheet, first_rows

ROWS = 2_000
# Nothing that is longer is an ID, a name or a number.
LONGEST = 256
# Words of headings, in the languages of the pages, under which systems keep their IDs.
ID_WORDS = {
    *("id", "ids", "uid", "sid", "gr", "no", "nr", "num", "number", "nummer", "numero", "número", "numéro", "n°"),
    *("nº", "code", "roll", "key", "guid", "uuid", "identifier", "kennung", "kennziffer", "matric", "matricula"),
    *("matrícula", "matricule", "matrikel", "matrikelnr", "schuelerid", "schülerid", "studentid", "pupilid"),
    *("userid", "sourcedid", "usn", "upn", "lrn", "uln", "dni", "nie", "ine", "expediente", "legajo", "registration"),
    *("admission", "index"),
}
ID_ENDINGS = ("nummer", "number", "id", "nr", "num")
# What is numbered, too, and is no ID of a person: how to reach them, where and when they are, how much of something.
NO_ID_WORDS = {
    *("phone", "telephone", "tel", "telefon", "teléfono", "telefono", "mobile", "mobil", "handy", "cell", "fax"),
    *("móvil", "movil", "portable", "postcode", "zip", "plz", "postal", "house", "hausnummer", "room", "raum"),
    *("zimmer", "sala", "year", "jahr", "jahrgang", "año", "date", "datum", "fecha", "birth", "born", "birthday"),
    *("geburtsdatum", "geb", "dob", "days", "hours", "tage", "stunden", "días", "horas", "absences", "fehltage"),
    *("attempt", "attempts", "points", "punkte", "score", "mark", "marks", "age", "alter", "edad", "class", "klasse"),
    *("section", "street", "straße", "strasse", "calle", "block", "line", "page", "order", "version"),
}
NAME_WORDS = {
    *("name", "names", "first", "last", "given", "family", "forename", "surname", "student", "pupil", "learner"),
    *("participant", "user", "username", "login", "email", "mail", "vorname", "nachname", "familienname", "schüler"),
    *("schueler", "schülerin", "teilnehmer", "benutzer", "benutzername", "nombre", "apellido", "apellidos", "alumno"),
    *("alumna", "estudiante", "usuario", "correo", "nom", "prénom", "prenom", "élève", "eleve", "étudiant"),
}
ACCOUNT_WORDS = {"user", "username", "login", "email", "mail", "benutzer", "benutzername", "usuario", "correo"}
WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+|[°º#]")
IDENTIFIER = re.compile(r"#?[^\s#]{1,40}")
NUMBERED = re.compile(r"#?\d{1,18}")
PERSON = re.compile(r"[^\W\d_][^\d_@/\\]*(?:,\s*|\s+)[^\W\d_][^\d_@/\\]*")
SHORTEST_ID = 3
MOSTLY = 0.8


@dataclass(frozen=True)
class Samples:
    """The first rows of a sheet that are students, a column at a time."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]

    @classmethod
    def of(cls, sheet: Sheet) -> "Samples":
        return cls(sheet.headings, first_rows(sheet, ROWS, LONGEST))

    def cells(self, place: int) -> list[str]:
        """Give a cell for each row, "" where the row is too short."""
        return [row[place].strip() if place < len(row) else "" for row in self.rows]

    def filled(self, place: int) -> list[str]:
        return list(filter(None, self.cells(place)))

    def is_blank(self, place: int) -> bool:
        return not self.filled(place)

    def counts_rows(self, place: int) -> bool:
        return is_counting(self.cells(place))

    def looks_like_ids(self, place: int) -> bool:
        """Tell a column that numbers people: distinct, under a heading for IDs, or whole numbers of one length."""
        cells, words = self.filled(place), words_of(self.headings[place])
        if words & NO_ID_WORDS or len(cells) < MOSTLY * len(self.rows) or not _are_distinct(cells) or is_counting(cells):
            return False
        if _means_ids(self.headings[place], words):
            return all(map(IDENTIFIER.fullmatch, cells))
        lengths = {len(cell.lstrip("#")) for cell in cells}
        return len(cells) > 1 and all(map(NUMBERED.fullmatch, cells)) and len(lengths) == 1 and min(lengths) >= SHORTEST_ID

    def looks_like_names(self, place: int) -> bool:
        """Tell a column that says who a row is about: by its heading, or since its cells are names of people."""
        cells = self.filled(place)
        if len(cells) < MOSTLY * len(self.rows) or not _are_distinct(cells):
            return False
        if words_of(self.headings[place]) & NAME_WORDS:
            return _most(any(map(str.isalpha, cell)) for cell in cells)
        return _most(PERSON.fullmatch(cell) and cell[0].isupper() for cell in cells)

    def looks_like_accounts(self, place: int) -> bool:
        """Tell columns such as "Username" and "Email", which name a person, but not by name."""
        return bool(words_of(self.headings[place]) & ACCOUNT_WORDS)

    def share_read(self, column: StudentColumn, place: int, notation: Notation) -> float:
        """Give the share of filled cells that can be read as the student's column, which a key's blank cells lower as well."""
        cells = self.cells(place) if column.key else self.filled(place)
        values, _ = column.read_all(cells, notation)
        return sum(value is not None for value in values) / len(cells) if cells else 1.0

    def read(self, column: StudentColumn, place: int, notation: Notation) -> list[float]:
        """Give the numbers that can be read, in any amount."""
        values, _ = column.unbounded.read_all(self.filled(place), notation)
        return [value for value in values if value is not None]


def words_of(heading: str) -> set[str]:
    """Take a heading apart: "OrgDefinedId" and "student_num" are several words."""
    return {word.casefold() for word in WORDS.findall(heading)}


def is_counting(cells: Sequence[str]) -> bool:
    """Tell a column that counts the rows, 1, 2, 3 and so on."""
    return list(cells) == [str(number) for number in range(1, len(cells) + 1)]


def _means_ids(heading: str, words: set[str]) -> bool:
    folded = fold(heading)
    return bool(words & ID_WORDS) or "#" in heading or folded.endswith(ID_ENDINGS)


def _are_distinct(cells: Sequence[str]) -> bool:
    return len(set(cells)) >= 0.95 * len(cells) > 0


def _most(truths: Iterable[object]) -> bool:
    told = [bool(truth) for truth in truths]
    return sum(told) >= MOSTLY * len(told) > 0

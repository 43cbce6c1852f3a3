"""Parquet: the tidy rows of CSV with the types that they have, for data frames. Only this file writes with pyarrow."""

import io
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any, get_args, get_type_hints

from ..results import Result
from .formats import Page
from .places import place_columns, place_values

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.parquet import ParquetWriter

ROWS = 1 << 16
"""Rows that are written together: a row group."""


def render_parquet(result: Result, page: Page) -> Iterator[bytes]:
    """A whole file of one result."""
    whole = io.BytesIO()
    rows = ParquetRows(whole)
    rows.add(*typed_rows(result, page))
    rows.close()
    yield whole.getvalue()


def typed_rows(result: Result, page: Page) -> tuple[dict[str, type], list[list[Any]]]:
    """The rows of CSV under their header, and the type of each column, which a row may have no value to show."""
    header, rows = result.tidy()
    hints: dict[str, Any] = {}
    for item in result.items()[:1]:
        hints = get_type_hints(type(item))
    place: dict[str, type] = dict.fromkeys(place_columns(page), str) | {"prompt_index": int}
    types = {name: _plain_type(hints.get(name)) for name in header}
    for row in rows:
        types |= {name: _type_of(value) for name, value in zip(header, row, strict=True) if value is not None}
        if all(value is not None for value in row):
            break
    return place | types, [[*place_values(page), *row] for row in rows]


def _type_of(value: Any) -> Any:
    """Of a list that of its first item too; an empty one is taken for one of fractions."""
    return list[type(value[0]) if value else float] if isinstance(value, list) else type(value)  # type: ignore[misc]


def _plain_type(hint: Any) -> type:
    """That of a field's values; text where that is neither a number nor a truth value."""
    kinds = {hint, *get_args(hint)}
    return next((kind for kind in (float, int, bool) if kind in kinds), str)


def arrow_table(types: dict[str, type], rows: list[list[Any]]) -> "pyarrow.Table":
    """Rows, with a column of its type for each of these."""
    import pyarrow

    arrow: dict[Any, Any] = {int: pyarrow.int64(), float: pyarrow.float64()}
    arrow |= {list[kind]: pyarrow.list_(there) for kind, there in arrow.items()}  # type: ignore[valid-type]
    arrow |= {str: pyarrow.string(), bool: pyarrow.bool_()}
    schema = pyarrow.schema([(name, arrow[kind]) for name, kind in types.items()])
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pyarrow.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pyarrow.Table.from_arrays(arrays, schema=schema)


class ParquetRows:
    """Writes rows to a file, a group at a time. Without any rows there are no columns."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._rows: list[list[Any]] = []
        self._types: dict[str, type] = {}
        self._writer: ParquetWriter | None = None

    def add(self, types: dict[str, type], rows: list[list[Any]]) -> None:
        """Add rows, whose columns are the same each time."""
        self._types = self._types or types
        self._rows += rows
        if len(self._rows) >= ROWS:
            self._write()

    def close(self) -> None:
        """Write what is left, and the end of the file, without which it cannot be read."""
        self._write()
        if self._writer is not None:
            self._writer.close()

    def _write(self) -> None:
        from pyarrow.parquet import ParquetWriter

        table = arrow_table(self._types, self._rows)
        if self._writer is None:
            self._writer = ParquetWriter(self._file, table.schema)
        self._writer.write_table(table)
        self._rows = []

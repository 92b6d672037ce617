"""CSV piece by piece."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from shared_io import _source, limits
from shared_io.table import csv, schema, text

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["stream"]


def stream(path: str | os.PathLike[str], rows: int, columns: Sequence[str] | None) -> Iterator[Table]:
    """Yield tables of at most `rows` rows of a plain CSV file.

    The digest of the rows, where there is one, is verified in a first pass.

    Raises
    ------
    SharedIOError
        As `shared_io.table.read`.
    """
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    with _source.open_input(path) as file:
        head = _head(file, path)
        text.verify_file(file, head, path)
        stated = head.values.get(text.COLUMNS)
        fields = None if stated is None else schema.decode_fields(stated, path)
        if fields is not None and not fields:
            return
        file.seek(head.start)
        described = {field.name: field for field in fields or []}
        meta = csv.table_meta(head.values)
        try:
            for batch in arrow_csv.open_csv(file, *csv.options(fields, columns)):
                names = schema.chosen(batch.schema.names, columns, path)
                for part in schema.slices(batch.num_rows, rows):
                    cut = batch.slice(part.start, part.stop - part.start)
                    found = [csv.column(cut.column(n), described.get(n), n, path) for n in names]
                    yield schema.build(found, meta)
        except (pa.ArrowException, KeyError) as error:
            raise csv.translate(error, path) from error


def _head(file: Any, path: str | os.PathLike[str]) -> text.Head:
    return text.split(file.read(limits.current().header_bytes), path)

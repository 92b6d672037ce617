"""HDF5 files that lead out of themselves, hold objects, or declare more than they have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from shared_io.testing import readers
from shared_io.testing.damage import Case
from shared_io.testing.oddities import pickled

__all__ = ["cases"]

_READERS = (readers.groups, readers.one_table)


def cases() -> list[Case]:
    """Return them all, each at the root and inside of a group."""
    found = []
    for what, put in _PUTS.items():
        chosen = _READERS[what.startswith("a table") :]  # groups of arrays they are, and sound ones
        if what != "many arrays of a fill value":  # which are modest one by one
            found.append(Case("HDF5 hostile", what, "a.h5", _maker(put, ""), chosen))
        if "attribute" not in what:  # nobody asks for those of an array in a group
            found.append(Case("HDF5 hostile", f"{what}, in a group", "a.h5", _maker(put, "group"), chosen))
    return found


def _maker(put: Callable[[Any, Path], object], group: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        import h5py

        other = path.with_name("secret.h5")
        with h5py.File(other, "w") as file:
            file["x"] = np.ones(3)
        path.with_name("secret.bin").write_bytes(b"12345678" * 3)
        with h5py.File(path, "w", libver="latest") as file:
            put(file.create_group(group) if group else file, path)

    return make


def _virtual(at: Any, path: Path) -> None:
    import h5py

    layout = h5py.VirtualLayout((3,), "f8")
    layout[:] = h5py.VirtualSource(str(path.with_name("secret.h5")), "x", (3,))
    at.create_virtual_dataset("x", layout)


def _external_link(at: Any, path: Path) -> None:
    import h5py

    at["x"] = h5py.ExternalLink(str(path.with_name("secret.h5")), "x")


def _external_storage(at: Any, path: Path) -> None:
    at.create_dataset("x", (3,), "f8", external=[(str(path.with_name("secret.bin")), 0, 24)])


def _circle(at: Any, path: Path) -> None:
    import h5py

    at["x"], at["y"] = h5py.SoftLink(f"{at.name}/y"), h5py.SoftLink(f"{at.name}/x")


def _dangling(at: Any, path: Path) -> None:
    import h5py

    at["x"] = h5py.SoftLink("/nowhere/at/all")


def _pickles(at: Any, path: Path) -> None:
    import h5py

    dataset = at.create_dataset("x", (1,), h5py.vlen_dtype("u1"))
    dataset[0] = np.frombuffer(pickled(), "u1")


def _references(at: Any, path: Path) -> None:
    import h5py

    at.create_dataset("x", (2,), h5py.ref_dtype)[0] = at.ref


def _reference_attribute(at: Any, path: Path) -> None:
    import h5py

    at["x"] = np.ones(2)
    at["x"].attrs.create("a", np.array([at.ref], h5py.ref_dtype))


def _opaque(at: Any, path: Path) -> None:
    at.create_dataset("x", data=np.frombuffer(pickled().ljust(256, b"\0"), "V256"))


def _compound_of_objects(at: Any, path: Path) -> None:
    import h5py

    at.create_dataset("x", (2,), np.dtype([("a", "f8"), ("b", h5py.vlen_dtype("u1"))]))


def _named_type(at: Any, path: Path) -> None:
    at["x"] = np.dtype("f8")


def _null(at: Any, path: Path) -> None:
    import h5py

    at.create_dataset("x", data=h5py.Empty("f8"))


def _unknown_filter(at: Any, path: Path) -> None:
    from h5py import h5d, h5p, h5s, h5t, h5z

    creation = h5p.create(h5p.DATASET_CREATE)
    creation.set_chunk((100,))
    creation.set_filter(32001, h5z.FLAG_OPTIONAL, (1, 2, 3))
    h5d.create(at.id, b"x", h5t.NATIVE_DOUBLE, h5s.create_simple((100,)), creation)


def _pandas_object(at: Any, path: Path) -> None:
    """Put what pandas leaves for a column of objects."""
    at.attrs["pandas_type"] = "frame"
    at.attrs["nblocks"] = 1
    at["axis0"], at["axis1"], at["block0_items"] = [b"a"], [0, 1], [b"a"]
    import h5py

    dataset = at.create_dataset("block0_values", (1,), h5py.vlen_dtype("u1"))
    dataset[0] = np.frombuffer(pickled(), "u1")
    dataset.attrs["PSEUDOATOM"] = "object"


def _filled(shape: tuple[int, ...], dtype: str = "f8", **how: Any) -> Callable[[Any, Path], object]:
    """Return what declares an array of which nothing is stored."""
    return lambda at, path: at.create_dataset("x", shape, dtype, **{"fillvalue": 1, **how})


def _many_filled(at: Any, path: Path) -> None:
    """Put arrays that are modest one by one."""
    for number in range(40):
        at.create_dataset(f"x{number}", (10**7,), "f8", chunks=(10**6,))


def _packed_zeros(at: Any, path: Path) -> None:
    dataset = at.create_dataset("x", (2**27,), "f8", chunks=(2**20,), compression="gzip", compression_opts=1)
    dataset[: 2**21] = 0


def _long_text(at: Any, path: Path) -> None:
    """Put one long text among many short ones: as an array of one width it would be vast."""
    import h5py

    at["x"] = np.array(["a"] * 20_000 + ["b" * 100_000], dtype=h5py.string_dtype())


def _huge_attribute(at: Any, path: Path) -> None:
    at["x"] = np.ones(2)
    at["x"].attrs.create("a", np.zeros(2**22))


def _deep(at: Any, path: Path) -> None:
    node = at
    for _ in range(2000):
        node = node.create_group("g")
    node.create_dataset("x", (2**40,), "f8", fillvalue=1, chunks=(1024,))
    import h5py

    at["x"] = h5py.SoftLink("g/" * 2000 + "x")


def _missing_column(at: Any, path: Path) -> None:
    """Put a table of ours that lacks what it describes."""
    table = at.create_group("table")
    table.attrs["shared_io.columns"] = '[{"name":"a","dtype":"f8"}]'
    table.attrs["shared_io.meta"] = "{}"


def _deep_description(at: Any, path: Path) -> None:
    table = at.create_group("table")
    table.attrs["shared_io.columns"] = "[" * 30_000
    table.attrs["shared_io.meta"] = "{}"
    at["x"] = np.dtype("f8")


_PUTS: dict[str, Callable[[Any, Path], object]] = {
    "an external link": _external_link,
    "external storage": _external_storage,
    "a virtual dataset": _virtual,
    "links in a circle": _circle,
    "a link to nothing": _dangling,
    "pickles as bytes of variable length": _pickles,
    "references": _references,
    "an attribute of references": _reference_attribute,
    "opaque values": _opaque,
    "records with objects": _compound_of_objects,
    "a type instead of an array": _named_type,
    "no values": _null,
    "a filter that nobody has": _unknown_filter,
    "a column of objects of pandas": _pandas_object,
    "a terabyte of a fill value": _filled((2**37,), chunks=(1024,)),
    "a terabyte not chunked": _filled((2**37,)),
    "as many dimensions as there can be": _filled((16,) * 32, chunks=(1,) * 32),
    "a gigabyte of a fill value": _filled((2**27,), chunks=(2**20,)),
    "chunks that are vast": _filled((4,), chunks=(2**28,), maxshape=(None,)),
    "a text of two gigabytes": _filled((1,), "S2000000000", fillvalue=None),
    "texts of 1 MB, 300 times": _filled((300,), "S1000000", fillvalue=None, chunks=(1,)),
    "many arrays of a fill value": _many_filled,
    "zeros that expand": _packed_zeros,
    "one long text": _long_text,
    "a huge attribute": _huge_attribute,
    "groups within groups": _deep,
    "a table without its column": _missing_column,
    "a description without end": _deep_description,
}

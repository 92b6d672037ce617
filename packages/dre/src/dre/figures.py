"""Pictures of the results: fits beside their galaxies, fits against the truth, detections on the sky, PSFs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from shared_io import atomic

if TYPE_CHECKING:
    from astropy.table import Table
    from matplotlib.figure import Figure

    from dre.stamp import Stamp

PANEL_TITLES = ("object", "mask", "model", "residual")


def _figure(width: float, height: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, replacing an older one; no date goes into the file."""
    with atomic.atomic_path(path, overwrite=True) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})


def fit_sheet(mosaics: Sequence[np.ndarray], titles: Sequence[str], *, crop: int | None = None) -> Figure:
    """Show mosaics one below another: object and model on one arcsinh scale, residual on +-5 noise of the sky.

    Parameters
    ----------
    mosaics : sequence of ndarray, shape (size, 4 size)
        From :func:`dre.mosaic.mosaic_panels`.
    titles : sequence of str
        A line for each, at its left.
    crop : int, optional
        Show only the central square of this side [pixel].
    """
    figure = _figure(9.2, 2.0 * len(mosaics) + 0.3)
    axes = figure.subplots(len(mosaics), 4, squeeze=False)
    for row, (picture, title) in enumerate(zip(mosaics, titles, strict=True)):
        panels = np.split(picture, 4, axis=1)
        noise = 1.4826 * np.nanmedian(np.abs(panels[3] - np.nanmedian(panels[3]))) or 1.0
        top = np.arcsinh(np.nanmax(panels[2]) / (3 * noise))
        edge = 0 if crop is None else (panels[0].shape[0] - crop) // 2
        inner = slice(edge, panels[0].shape[0] - edge)
        for column, (name, panel) in enumerate(zip(PANEL_TITLES, panels, strict=True)):
            axis = axes[row, column]
            if name == "residual":
                shown, low, high, colours = panel / noise, -5.0, 5.0, "RdBu_r"
            elif name == "mask":
                shown, low, high, colours = panel > 0, 0, 1, "gray"
            else:
                shown, low, high, colours = np.arcsinh(panel / (3 * noise)), -0.3, top, "magma"
            drawn = axis.imshow(shown[inner, inner], origin="lower", vmin=low, vmax=high, cmap=colours)
            axis.set_xticks([])
            axis.set_yticks([])
            if row == 0:
                axis.set_title(name if name != "residual" else "residual / sky noise", fontsize=10)
            if name == "residual":
                figure.colorbar(drawn, ax=axis, shrink=0.8)
        axes[row, 0].set_ylabel(title, fontsize=8)
    return figure


def cut_sheet(stamps: Sequence[Stamp]) -> Figure:
    """Show cuts with the outline of their masks, on one arcsinh scale of the noise of each."""
    columns = min(len(stamps), 5) or 1
    rows = -(-len(stamps) // columns) or 1
    figure = _figure(2.4 * columns, 2.5 * rows)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, stamp in zip(axes, stamps, strict=False):
        noise = float(np.nanmedian(stamp.rms)) or 1.0
        axis.imshow(np.arcsinh(stamp.obj / (2 * noise)), origin="lower", cmap="gray_r", vmin=-1, vmax=5)
        axis.contour(stamp.mask, levels=[0.5], colors="tab:red", linewidths=1)
        axis.set_title(stamp.name, fontsize=9)
    return figure


def truth_plot(pairs: Table, columns: Sequence[tuple[str, str, str]], title: str) -> Figure:
    """Plot fitted against true values, one panel a column.

    Parameters
    ----------
    pairs : Table
        For each name in `columns`: NAME_TRUE and NAME_FIT.
    columns : sequence of (name, label, height)
        What to plot, the axis label, and the height of a band that is drawn for scale.
    title : str
        Heading.
    """
    figure = _figure(4.1 * len(columns), 4.3)
    figure.suptitle(title, fontsize=11)
    for axis, (name, label, spacing) in zip(figure.subplots(1, len(columns)), columns, strict=True):
        true, fitted = np.asarray(pairs[f"{name}_TRUE"], float), np.asarray(pairs[f"{name}_FIT"], float)
        low, high = np.nanmin([true, fitted]), np.nanmax([true, fitted])
        pad = 0.05 * (high - low)
        line = np.array([low - pad, high + pad])
        half = float(spacing) / 2
        axis.fill_between(line, line - half, line + half, color="0.88", label=f"+-{half:g}")
        axis.plot(line, line, color="0.4", lw=1)
        dots = axis.scatter(
            true, fitted, c=np.log10(np.asarray(pairs["FLUX_TRUE"], float)), s=20, cmap="viridis", zorder=3
        )
        axis.set(xlim=line, ylim=line, xlabel=f"true {label}", ylabel=f"fitted {label}")
        axis.legend(loc="upper left", fontsize=8, frameon=False)
    figure.colorbar(dots, ax=axis, label="log10 flux [ADU]")
    return figure


def sky_plot(
    image: np.ndarray, catalogue: Table, *, chosen: np.ndarray, title: str, reference: Table | None = None
) -> Figure:
    """Show an image with its sources: galaxies that were cut, other sources, and a reference catalogue.

    Parameters
    ----------
    image : ndarray, shape (ny, nx)
        Background-subtracted pixels [ADU].
    catalogue : Table
        X_IMAGE, Y_IMAGE (1-based), A_IMAGE, B_IMAGE [pixel], THETA_IMAGE [deg], KRON_RADIUS.
    chosen : ndarray of bool
        Sources that were cut.
    title : str
        Heading.
    reference : Table, optional
        Sources of another program: X_IMAGE, Y_IMAGE.
    """
    from matplotlib.patches import Ellipse

    figure = _figure(7.5, 7.5)
    axis = figure.subplots()
    noise = 1.4826 * np.median(np.abs(image - np.median(image)))
    axis.imshow(np.arcsinh(image / (2 * noise)), origin="lower", cmap="gray_r", vmin=-1, vmax=5)
    for source, galaxy in zip(catalogue, chosen, strict=True):
        factor = 2 * float(source["KRON_RADIUS"])
        axis.add_patch(
            Ellipse(
                (source["X_IMAGE"] - 1, source["Y_IMAGE"] - 1),
                factor * source["A_IMAGE"],
                factor * source["B_IMAGE"],
                angle=float(source["THETA_IMAGE"]),
                fill=False,
                lw=1.2,
                color="tab:red" if galaxy else "tab:blue",
            )
        )
    if reference is not None:
        axis.plot(
            reference["X_IMAGE"] - 1, reference["Y_IMAGE"] - 1, "+", color="tab:green", ms=6, label="SExtractor's own"
        )
        axis.legend(loc="upper right", fontsize=9)
    axis.set(
        title=title,
        xlabel="x [pixel]",
        ylabel="y [pixel]",
        xlim=(-0.5, image.shape[1] - 0.5),
        ylim=(-0.5, image.shape[0] - 0.5),
    )
    return figure


def psf_plot(psfs: Sequence[tuple[str, np.ndarray]]) -> Figure:
    """Show PSFs: the first as an image, all as radial profiles on a logarithmic scale."""
    figure = _figure(9, 4)
    left, right = figure.subplots(1, 2)
    left.imshow(np.arcsinh(psfs[0][1] / psfs[0][1].max() * 300), origin="lower", cmap="magma")
    left.set_title(psfs[0][0])
    for name, psf in psfs:
        axis = np.arange(psf.shape[0]) - (psf.shape[0] - 1) / 2
        r = np.hypot(axis[None, :], axis[:, None]).ravel()
        order = np.argsort(r)
        right.plot(r[order], np.maximum(psf.ravel()[order], 1e-7), ".", ms=4, label=name)
    right.set(yscale="log", ylim=(1e-6, 0.3), xlabel="radius [pixel]", ylabel="PSF [fraction of flux a pixel]")
    right.legend(frameon=False)
    return figure

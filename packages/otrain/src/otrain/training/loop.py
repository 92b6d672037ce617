"""One network, trained on cut-outs that are turned and flipped, with early stopping."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from otrain.kernels import pixels, scores
from otrain.training import framework

if TYPE_CHECKING:
    from otrain.network import Layer, Network

__all__ = ["Fitted", "Recipe", "Source", "class_weights", "fit"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes
    ----------
    epochs : int
        The most epochs.
    passes : int
        How often an epoch shows every cut-out, each time turned and flipped at random.
    batch : int
        Cut-outs a step.
    rate : float
        Learning rate at the start; it falls to zero as half a cosine over all epochs.
    decay : float
        Weight decay of AdamW (Loshchilov & Hutter 2019).
    patience : int
        Epochs without a better validation loss after which training ends.
    smoothing : float
        Labels are this far from 0 and 1, as some are wrong.
    balance : float
        0: every cut-out counts the same; 1: both classes count the same; between: in between (powers).
    augment : bool
        Turn and flip.
    gpus : int
        GPUs that share a batch.
    """

    epochs: int = 10
    passes: int = 4
    batch: int = 32
    rate: float = 2e-3
    decay: float = 1e-3
    patience: int = 4
    smoothing: float = 0.02
    balance: float = 0.5
    augment: bool = True
    gpus: int = 1


@dataclass(frozen=True)
class Fitted:
    """A trained network.

    Attributes
    ----------
    network : Network
        With the weights of the best epoch.
    history : list of dict
        Of each epoch: ``loss``, ``val_loss``, ``accuracy``, ``val_accuracy``.
    best : int
        The best epoch, from 0.
    parameters : int
        That were trained.
    """

    network: Network
    history: list[dict[str, float]] = field(repr=False)
    best: int = 0
    parameters: int = 0


class Source:
    """The inputs of some rows of a cube: prepared once where that fits into memory, else when they are asked for.

    Parameters
    ----------
    cube : ndarray, shape (n, ny, nx, planes)
        May be mapped from a file.
    prepare : callable
        Cut-outs to inputs.
    memory : int
        Bytes that the prepared inputs may take.
    """

    def __init__(self, cube: Array, prepare: Callable[[Array], Array], *, memory: int = 1 << 30) -> None:
        self._cube, self._prepare = cube, prepare
        one = prepare(cube[:1])
        self.shape: tuple[int, int, int] = one.shape[1:]
        self._ready = self._all(one) if one.nbytes * len(cube) <= memory else None

    def _all(self, one: Array) -> Array:
        out = np.empty((len(self._cube), *one.shape[1:]), one.dtype)
        for start in range(0, len(out), 1024):
            out[start : start + 1024] = self._prepare(self._cube[start : start + 1024])
        return out

    def __len__(self) -> int:
        return len(self._cube)

    def __getitem__(self, rows: Array) -> Array:
        return self._prepare(self._cube[rows]) if self._ready is None else self._ready[rows]


def class_weights(labels: Array, balance: float) -> tuple[float, float]:
    """Return the weights of classes 0 and 1 whose mean over all objects is 1."""
    number = np.bincount(np.asarray(labels, int), minlength=2).astype(float)
    raw = np.where(number > 0, (number.sum() / np.maximum(number, 1)) ** balance, 0.0)
    raw *= number.sum() / (raw * number).sum()
    return float(raw[0]), float(raw[1])


def fit(layers: Sequence[Layer], source: Source, labels: Array, train: Array, valid: Array, recipe: Recipe, seed: int,
        *, advance: Callable[[int], None] | None = None) -> Fitted:  # fmt: skip
    """Train one network.

    Parameters
    ----------
    layers : sequence of Layer
    source : Source
        All inputs.
    labels : ndarray of int, shape (n,)
        0 bogus, 1 real.
    train, valid : ndarray of int
        Rows to learn from, and rows that decide when to stop.
    recipe : Recipe
    seed : int
        Of weights, order, turns and dropout.
    advance : callable, optional
        Told how many steps were done.
    """
    keras = framework.load()
    framework.seed_all(seed)
    data = _Turned(source, labels, train, layers[-1].size, recipe, np.random.default_rng(seed))
    with framework.strategy(recipe.gpus):
        model = framework.build(layers, source.shape)
        schedule = keras.optimizers.schedules.CosineDecay(recipe.rate, max(len(data) * recipe.epochs, 1))
        model.compile(
            optimizer=keras.optimizers.AdamW(schedule, weight_decay=recipe.decay), loss=_loss(keras, layers[-1].size)
        )
    keeper = _keeper(keras)(source, labels, valid, recipe.patience, advance)
    model.fit(_dataset(keras, data), epochs=recipe.epochs, verbose=0, callbacks=[keeper])
    if keeper.best_weights is not None:
        model.set_weights(keeper.best_weights)
    return Fitted(framework.extract(model, layers), keeper.history_rows, keeper.best, model.count_params())


def _loss(keras: Any, units: int) -> Any:
    if units == 1:
        return keras.losses.BinaryCrossentropy(from_logits=True)
    return keras.losses.CategoricalCrossentropy(from_logits=True)


class _Turned:
    """Batches of turned and flipped cut-outs with their targets and weights."""

    def __init__(self, source: Source, labels: Array, rows: Array, units: int, recipe: Recipe,
                 rng: np.random.Generator) -> None:  # fmt: skip
        self._source, self._rows, self._recipe, self._rng = source, rows, recipe, rng
        truth = np.asarray(labels, np.float32)
        soft = truth * (1 - 2 * recipe.smoothing) + recipe.smoothing
        self._targets = soft[:, None] if units == 1 else np.stack([1 - soft, soft], axis=1)
        self._weights = np.array(class_weights(labels[rows], recipe.balance), np.float32)[np.asarray(labels, int)]
        self._views = range(pixels.VIEWS) if source.shape[0] == source.shape[1] else range(0, pixels.VIEWS, 2)
        self.shuffle()

    def shuffle(self) -> None:
        """Draw a new order, for all passes of an epoch."""
        passes = [self._rng.permutation(self._rows) for _ in range(self._recipe.passes)]
        self._order = np.concatenate(passes)

    def __len__(self) -> int:
        return max(len(self._rows) * self._recipe.passes // self._recipe.batch, 1)

    def batch(self, index: int) -> tuple[Array, Array, Array]:
        """Return inputs, targets and weights."""
        rows = self._order[index * self._recipe.batch : (index + 1) * self._recipe.batch]
        x = self._source[rows]
        if self._recipe.augment:
            numbers = self._rng.choice(self._views, len(rows))
            x = np.stack([pixels.view(one[None], int(k))[0] for one, k in zip(x, numbers, strict=True)])
        return x, self._targets[rows], self._weights[rows]


def _dataset(keras: Any, data: _Turned) -> Any:
    class Dataset(keras.utils.PyDataset):
        def __len__(self) -> int:
            return len(data)

        def __getitem__(self, index: int) -> tuple[Array, Array, Array]:
            return data.batch(index)

        def on_epoch_end(self) -> None:
            data.shuffle()

    return Dataset(workers=1, use_multiprocessing=False)


def _keeper(keras: Any) -> Any:
    """Return the class of a callback that validates, remembers the best weights and stops."""

    class Keeper(keras.callbacks.Callback):
        def __init__(self, source: Source, labels: Array, rows: Array, patience: int,
                     advance: Callable[[int], None] | None) -> None:  # fmt: skip
            super().__init__()
            self._source, self._truth, self._rows = source, np.asarray(labels[rows], bool), rows
            self._patience, self._advance = patience, advance
            self.history_rows: list[dict[str, float]] = []
            self.best, self.best_weights, self._lowest = 0, None, np.inf

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if self._advance is not None:
                self._advance(1)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            z = self._logits()
            loss = float(np.mean(np.logaddexp(0, z) - self._truth * z)) if len(z) else float(logs["loss"])
            right = scores.counts(self._truth, z > 0).accuracy
            self.history_rows.append({"loss": float(logs["loss"]), "val_loss": loss, "val_accuracy": right})
            if loss < self._lowest:
                self.best, self._lowest, self.best_weights = epoch, loss, self.model.get_weights()
            elif epoch - self.best >= self._patience:
                self.model.stop_training = True

        def _logits(self) -> Array:
            parts = [
                np.asarray(self.model.predict_on_batch(self._source[self._rows[k : k + 256]]))
                for k in range(0, len(self._rows), 256)
            ]
            found = np.concatenate(parts).astype(np.float64) if parts else np.zeros((0, 1))
            return found[:, 0] if found.shape[1] == 1 else found[:, 1] - found[:, 0]

    return Keeper

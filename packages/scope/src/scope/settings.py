"""The sections and values of ``config.yaml`` and what each may be."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from scope.periods.search import canonical

LATER = (
    "rubin", "fritz", "wandb", "taxonomy", "docs", "feature_stats", "training", "inference", "fields_to_exclude",
    "feature_generation.drw", "feature_generation.pdrs", "feature_generation.period_search.period_batch_size",
    "feature_generation.period_search.phase_bins", "feature_generation.period_search.mag_bins",
)  # fmt: skip
"""Keys of scope-ml's file that nothing reads here: of parts that are not built yet, or without use."""

SECRETS = ("token", "password")
"""Keys whose values are not shown."""

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def _algorithms(names: list[str]) -> list[str]:
    canonical(names)
    return names


def _ascending(edges: list[float]) -> list[float]:
    if any(b <= a for a, b in pairwise(edges)):
        raise ValueError("edges must ascend")
    return edges


Algorithms = Annotated[list[str], Field(min_length=1), AfterValidator(_algorithms)]
Edges = Annotated[list[float], Field(min_length=27, max_length=27), AfterValidator(_ascending)]
Flag = Literal[1, True]


class Section(BaseModel):
    """A mapping without unknown keys."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)


class Host(Section):
    """An instance of Kowalski."""

    token: SecretStr | None = None
    username: str | None = None
    password: SecretStr | None = None
    host: str | None = None
    protocol: Literal["https", "http"] | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None

    @staticmethod
    def hidden(text: str) -> SecretStr:
        """Return a secret."""
        return SecretStr(text)

    @property
    def usable(self) -> bool:
        """Tell whether there is something to log in with."""
        return self.token is not None or (self.username is not None and self.password is not None)


class Collections(Section):
    """Names of Kowalski's collections."""

    sources: str
    alerts: str
    gaia: str
    features: str
    classifications: str


class Kowalski(Section):
    """The service."""

    hosts: dict[str, Host]
    protocol: Literal["https", "http"]
    port: Annotated[int, Field(ge=1, le=65535)]
    timeout: Annotated[float, Field(gt=0)]
    max_retries: Annotated[int, Field(ge=0, le=10)]
    collections: Collections
    max_timestamp_hjd: float | None

    def address(self, name: str) -> dict[str, Any]:
        """Return protocol, host and port of an instance."""
        host = self.hosts[name]
        return {"protocol": host.protocol or self.protocol, "host": host.host or f"{name}.caltech.edu",
                "port": host.port or self.port}  # fmt: skip

    @model_validator(mode="after")
    def _encrypted(self) -> Self:
        for name in self.hosts:
            where = self.address(name)
            if where["protocol"] == "http" and where["host"] not in _LOOPBACK:
                raise ValueError(f"hosts.{name}: http would show the token on its way to {where['host']}; use https")
        return self


class Feature(Section):
    """A column that training reads."""

    include: bool
    dtype: str
    periodic: bool
    impute_strategy: Literal["none", "zero", "median", "mean", "regress"] | None = None


class Info(Section):
    """What holds for all features."""

    period_suffix: str


class Features(Section):
    """The sets of features."""

    info: Info
    phenomenological: dict[str, Feature]
    ontological: dict[str, Feature]


class PeriodAlgorithms(Section):
    """Algorithms by device."""

    CPU: Algorithms
    GPU: Algorithms


class PeriodSearch(Section):
    """Of Rubin light curves."""

    max_freq: Annotated[float, Field(gt=0)]
    samples_per_peak: Annotated[int, Field(ge=1)]
    min_n_lc_points: Annotated[int, Field(ge=5)]
    min_cadence_minutes: Annotated[float, Field(ge=0)]


class DmDt(Section):
    """Edges of the dm-dt picture."""

    dtints: Edges
    dmints: Edges


class External(Section):
    """A catalogue that sources are matched with."""

    filter: dict[str, Any]
    projection: dict[str, Flag]


class FeatureGeneration(Section):
    """What generate_features uses."""

    path_to_features: str | None
    dataset: str | None
    ids_skip_gaia: str | None = Field(alias="ids_skipGaia")
    fields_to_run: list[int] | None
    period_algorithms: PeriodAlgorithms
    period_search: PeriodSearch
    dmdt_ints: DmDt
    external_catalog_features: dict[str, External]
    cesium_features: list[str]


class Settings(Section):
    """The whole file."""

    kowalski: Kowalski
    feature_generation: FeatureGeneration
    features: Features

"""What is to be run: an experiment (methods x data sets x seeds) and the runs that it consists of.

A run's identity is a hash of its content, so asking for the same run twice finds the first one.
"""

import hashlib
import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from methods import find_method
from spaces.errors import InputError, unknown
from spaces.registry import find_space

DATA_SETTINGS = {"downsample": 1, "resolution": 0}  # resolution 0: that of the data set


class RunSpec(BaseModel):
    """One search: everything that decides its result, and nothing else."""

    model_config = ConfigDict(frozen=True)

    method: str
    space: str
    dataset: str
    search_seed: int
    settings: dict[str, Any]  # the method's settings, complete
    network: dict[str, int]  # the supernet's settings, complete; empty where nothing is trained
    data: dict[str, int]  # the data set's settings, complete; empty where nothing is trained
    table: str = ""  # the tabular benchmark that answers a sample-based search
    latency: str = ""  # where the latencies of a penalised search come from

    @property
    def all_settings(self) -> dict[str, Any]:
        """The settings of the method, of its network and of its data."""
        return {**self.settings, **self.network, **self.data}

    @property
    def id(self) -> str:
        """12 hexadecimal digits: SHA-256 of the canonical JSON."""
        content = self.model_dump(exclude=None if self.latency else {"latency"})
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]


class Training(BaseModel):
    """Stand-alone training of found architectures: a recipe, and other values of some of its settings.

    Settings may stand beside the named keys: `{recipe: darts-cifar-small, epochs: 1, seeds: [0, 1]}`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: str = "nats-bench"
    settings: dict[str, Any] = {}
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = (0,)
    dataset: str = ""  # the search's, unless another one is named
    downsample: int = Field(1, ge=1)  # of another data set
    resolution: int = Field(0, ge=0)  # of another data set; 0: its own

    @model_validator(mode="before")
    @classmethod
    def _collect_settings(cls, content: Any) -> Any:
        if not isinstance(content, dict):
            return content
        beside = {key: value for key, value in content.items() if key not in cls.model_fields}
        rest = {key: value for key, value in content.items() if key in cls.model_fields}
        return rest | {"settings": {**rest.get("settings", {}), **beside}}


class Experiment(BaseModel):
    """Methods x data sets x search seeds on one space, and the same again with one setting varied at a time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "experiment"
    space: str = "topology"
    datasets: tuple[str, ...] = ("digits",)
    methods: dict[str, dict[str, Any]]  # name -> settings of that method alone
    seeds: tuple[int, ...] = (0, 1, 2)
    settings: dict[str, Any] = {}  # settings of every method that knows them
    factors: dict[str, tuple[Any, ...]] = {}  # setting -> values that replace the one above, one factor at a time
    training: Training | None = None  # also train found architectures on the search's data set

    def runs(self, *, table: str, latency: str = "") -> list[RunSpec]:
        """All runs, method by method, each once; raises InputError for unknown names and settings that no method knows.

        `table` and `latency` name what answers sample-based searches and where Lat of Eq. 5 comes from.
        """
        experiments = (self, *(variation for _, _, variation in self.variations()))
        runs = (spec for one in experiments for spec in one._unvaried(table=table, latency=latency))
        return list({spec.id: spec for spec in runs}.values())

    def variations(self) -> list[tuple[str, Any, "Experiment"]]:
        """(factor, value, the experiment of the methods that know the factor, with that value) of every factor."""
        return [
            (factor, value, self.with_settings({factor: value}))
            for factor, values in self.factors.items()
            for value in values
        ]

    def with_settings(self, settings: dict[str, Any]) -> "Experiment":
        """The unvaried experiment of the methods that know all these settings, which take the place of theirs."""
        methods = {
            name: own | settings for name, own in self.methods.items() if settings.keys() <= self.settings_of(name)
        }
        if not methods:
            every = self._known_settings()
            raise unknown("setting", next((key for key in settings if key not in every), next(iter(settings))), every)
        # What only the others know is not theirs to refuse.
        known = {key for name in methods for key in self.settings_of(name)}
        kept = {key: value for key, value in self.settings.items() if key in known}
        return self.model_copy(update={"methods": methods, "settings": kept, "factors": {}})

    def settings_of(self, method: str) -> set[str]:
        """The names of all settings of the method, of its network and of its data on this space."""
        named, space = find_method(method), find_space(self.space)
        network = set(space.supernet_settings) if named.trains_supernet else set()
        return {*_setting_names(named.implementation.Settings), *network, *(DATA_SETTINGS if network else ())}

    def _unvaried(self, *, table: str, latency: str) -> list[RunSpec]:
        used: set[str] = set()
        runs = [
            spec
            for dataset in self.datasets
            for name, own in self.methods.items()
            for spec in self._runs_of(name, own, dataset=dataset, table=table, latency=latency, used=used)
        ]
        for key in self.settings:
            if key not in used:
                raise unknown("setting", key, self._known_settings())
        return runs

    def _runs_of(
        self, name: str, own: dict[str, Any], *, dataset: str, table: str, latency: str, used: set[str]
    ) -> list[RunSpec]:
        method, space = find_method(name), find_space(self.space)
        if reason := method.implementation.misplaced(space):
            raise InputError(f"{name} cannot search space '{self.space}': {reason}")
        if not (method.trains_supernet or table):
            raise InputError(
                f"{name} evaluates architectures on a table, and there is none for space '{self.space}': "
                "choose a method that trains a supernet, or space topology"
            )
        network = space.supernet_settings if method.trains_supernet else {}
        data = DATA_SETTINGS if network else {}
        fields = _setting_names(method.implementation.Settings)
        known = self.settings_of(name)
        for key in own:
            if key not in known:
                raise unknown(f"setting of {name}", key, known)
        chosen = {key: value for key, value in self.settings.items() if key in known} | own
        used.update(chosen)
        left = known - set(method.implementation.own_defaults())
        chosen = {key: value for key, value in space.search_settings.items() if key in left} | chosen
        try:
            settings = method.implementation.Settings(**{k: v for k, v in chosen.items() if k in fields})
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"]) or name
            raise InputError(f"{name}: {key}={first['input']!r} is refused: {first['msg']}") from None
        return [
            RunSpec(
                method=name,
                space=self.space,
                dataset=dataset,
                search_seed=seed,
                settings=settings.model_dump(by_alias=True, mode="json"),
                network=_whole({**network, **{k: v for k, v in chosen.items() if k in network}}, lowest=1),
                data=_whole({**data, **{k: v for k, v in chosen.items() if k in data}}, lowest=0),
                table="" if method.trains_supernet else table,
                latency=latency if settings.model_dump().get("gamma") else "",
            )
            for seed in self.seeds
        ]

    def _known_settings(self) -> set[str]:
        names = {*DATA_SETTINGS, *find_space(self.space).supernet_settings}
        for method in self.methods:
            names |= _setting_names(find_method(method).implementation.Settings)
        return names


def _setting_names(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def _whole(values: dict[str, Any], *, lowest: int) -> dict[str, int]:
    for key, value in values.items():
        if not isinstance(value, int) or value < lowest:
            raise InputError(f"{key}={value!r} is refused: give a whole number of at least {lowest}")
    return values

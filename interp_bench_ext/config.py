"""An experiment's configuration: one YAML file that splits at once into a public and a sealed half."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationInfo,
    field_validator,
    model_validator,
)

from . import yaml_source
from .addresses import server_url
from .config_paths import Folder, ModelSource, TextFile, folder_of
from .contracts import Access
from .errors import ConfigError
from .installed import experiment_techniques, installed_techniques
from .places import GPU_TYPES, PLACES, places
from .wrong_input import nearest

OPEN_KEYS = ("execution_mode", "gpu_type", "device")
"""Keys of the model section whose values are no secret."""
_OF_AN_ORACLE = "activation_oracle"
"""The technique that asks one."""
DEVICES = ("auto", "cuda", "mps", "cpu")
DTYPES = ("auto", "float32", "bfloat16", "float16")


def _one_of(value: str, known: tuple[str, ...], what: str) -> str:
    if value in known:
        return value
    hint = nearest(value, known, otherwise=f"choose one of {', '.join(known)}")
    raise ValueError(f"unknown {what} {value!r}{hint}")


def _place(value: str) -> str:
    return value if value in PLACES else _one_of(value, tuple(places()), "execution_mode")


def _technique(value: str, info: ValidationInfo) -> str:
    return _one_of(value, tuple(experiment_techniques(folder_of(info))), "technique")


ProgramName = Literal["claude-code", "codex", "gemini"]
"""A person's own program, started as the investigator."""
Platform = Literal["anthropic", "bedrock", "vertex"]
Thinking = Literal["auto", "off", "adaptive", "enabled"]
ServerUrl = Annotated[str, AfterValidator(server_url)]
TechniqueName = Annotated[str, AfterValidator(_technique)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModalSection(_Section):
    """How the organism runs on Modal, where ``execution_mode`` is ``modal``; nothing of it changes what is loaded."""

    scaledown_window_s: Annotated[int, Field(ge=2, le=3600)] = 300
    """How long a container without calls is kept, and paid."""
    max_containers: PositiveInt = 1
    concurrent_calls: Annotated[int, Field(ge=1, le=1000)] = 16
    """Calls that one container accepts at once; the organism serves them in turn."""
    startup_timeout_s: PositiveInt = 1800
    memory_snapshot: bool = False
    """Begin containers as copies of one whose organism serves, GPU memory included, which is alpha at Modal."""
    region: Annotated[str, Field(min_length=1)] | None = None
    """Where containers run, for example ``us`` or ``eu-west``; naming one multiplies the price."""
    secret: Annotated[str, Field(min_length=1)] = "huggingface-secret"
    """Name of the Modal secret with HF_TOKEN, used only to pull weights from the model hub."""
    undeploy: Literal["never", "after_use"] = "never"
    """A deployed app without containers costs nothing, and the next use finds it."""
    confirm_above_usd: PositiveFloat = 10.0
    """What a start may cost in GPU time without being confirmed (``--yes``)."""


class Weights(_Section):
    """Which weights a model has, and what it is told before anybody speaks."""

    name: ModelSource
    """A hub id, a path (relative to the config file), or ``bundled:<name>``; the adapter's with ``is_peft``."""
    is_peft: bool = False
    base_model: ModelSource | None = None
    tokenizer: ModelSource | None = None
    revision: str | None = None
    """Of ``name`` on the hub: a commit, a tag or a branch."""
    base_revision: str | None = None
    """Of ``base_model``, likewise."""
    hidden_system_prompt: str | None = None
    hidden_system_prompt_file: TextFile | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.hidden_system_prompt is not None and self.hidden_system_prompt_file is not None:
            raise ValueError("the hidden prompt is given both inline and by file; keep one of the two keys")
        if self.is_peft and not self.base_model:
            raise ValueError("is_peft needs base_model: the model that the adapter was trained on")
        if self.base_model and not self.is_peft:
            raise ValueError("base_model is given but is_peft is not true; set is_peft: true, or drop base_model")
        if self.base_revision and not self.base_model:
            raise ValueError("base_revision is given without base_model; the revision of `name` is `revision`")
        return self

    def prompt(self, folder: Path) -> str | None:
        """The hidden prompt, wherever it stands."""
        if self.hidden_system_prompt_file is not None:
            return _text(folder, self.hidden_system_prompt_file)
        return self.hidden_system_prompt


class ModelSection(Weights):
    """What the organism is made of. Sealed, but for where it runs."""

    execution_mode: Annotated[str, AfterValidator(_place)] = "modal"
    """Where it runs: a name of :func:`places`."""
    gpu_type: str = "A10G"
    """Modal's name, with a count after a colon for several: ``A100-80GB:2``."""
    modal: ModalSection = ModalSection()
    device: str = "auto"
    dtype: str = "auto"
    uploads: tuple[Annotated[str, Field(pattern=r"^\d{4}-\d{2}$")], ...] = ()
    """Months in which the weights of ``name`` were uploaded, where that was more than once under the same name."""
    quantization: Literal["8bit", "4bit"] | None = None
    reference: Weights | None = None
    """A model to compare it with, beside its base: another organism, a checkpoint, another family."""
    sae: Folder | None = None
    """A sparse autoencoder of it as sae-lens saves one: a folder with cfg.json and sae_weights.safetensors."""
    oracle: ModelSource | None = None
    """A LoRA adapter of the base model, trained to answer questions about activations: a hub id or a path."""
    oracle_revision: str | None = None
    """Of ``oracle`` on the hub: a commit, a tag or a branch."""

    @field_validator("gpu_type")
    @classmethod
    def _gpu(cls, value: str) -> str:
        name, colon, count = value.partition(":")
        _one_of(name, tuple(GPU_TYPES), "gpu_type")
        most = GPU_TYPES[name]
        if colon and not (re.fullmatch(r"[1-9]", count) and int(count) <= most):
            raise ValueError(f"{value!r} asks for {count or 'no'} GPUs; after the colon comes a count from 1 to {most}")
        return value

    @field_validator("device")
    @classmethod
    def _device(cls, value: str) -> str:
        return _one_of(value, DEVICES, "device")

    @field_validator("dtype")
    @classmethod
    def _dtype(cls, value: str) -> str:
        return _one_of(value, DTYPES, "dtype")

    @model_validator(mode="after")
    def _beside_it(self) -> Self:
        for key in ("reference", "sae", "oracle"):
            if getattr(self, key) is not None and self.execution_mode == "modal":
                raise ValueError(f"{key} is loaded beside the organism on one machine: it needs execution_mode: local")
        if self.oracle_revision and not self.oracle:
            raise ValueError("oracle_revision is given without oracle")
        if self.oracle and self.oracle.startswith("bundled:"):
            raise ValueError("no oracle is bundled; give an adapter's folder or a hub id")
        return self


class AgentSection(_Section):
    provider: Literal["playbook", "anthropic", "mcp", "person", "replay"] | ProgramName | None = None
    """None: ``anthropic`` where a key is set, else ``playbook``; ``mcp``: the MCP client that starts the run;
    ``person``: a person, by hand.

    A program's name starts that program, which must be installed.
    """
    program: str | None = None
    """Version of the program; a run notes it as it begins."""
    model: str | None = None
    auxiliary_model: str | None = None
    """Who writes inputs for ``scaffolded_battery`` from a hint of the agent's; None: the agent's own model."""
    platform: Platform = "anthropic"
    """Who serves the model."""
    base_url: ServerUrl | None = None
    """A gateway or a local server that speaks the Messages API."""
    context_window: PositiveInt | None = None
    """Tokens that the conversation may have before it is shortened."""
    thinking: Thinking = "auto"
    """What the model is asked about thinking; ``auto``: adaptive thinking where the model may know it."""
    max_steps: PositiveInt = 60
    max_tokens: PositiveInt | None = None
    """Of all kinds together; each step counts its whole prompt again."""
    max_input_tokens: PositiveInt | None = None
    """Those sent and not read from the provider's cache."""
    max_cached_tokens: PositiveInt | None = None
    """Those read from the provider's cache."""
    max_output_tokens: PositiveInt | None = None
    max_cost_usd: PositiveFloat | None = None
    max_minutes: PositiveFloat | None = 120
    max_gpu_minutes: PositiveFloat | None = None
    approval: Literal["auto", "ask", "ask_first"] = "auto"

    def led_by(self, provider: str | None, model: str | None) -> AgentSection:
        """The section with what a person chooses, None being no choice.

        Another provider keeps no model but one that it may know. Whoever names a model alone never gets the playbook,
        which has none.
        """
        if provider is None and model is None:
            return self
        if provider is None:
            provider = None if self.provider == "playbook" else self.provider
        elif model is None and provider in (self.provider, "anthropic"):
            model = self.model
        return self.model_copy(update={"provider": provider, "model": model})


class EvaluationSection(_Section):
    ground_truth: dict[str, Any] | None = None
    ground_truth_file: TextFile | None = None
    grader: Literal["aliases", "judge", "place"] = "aliases"
    """``place``: whoever holds the organism has its ground truth, and scores; this config has none."""
    reveal: bool = True
    """Whether a person may open the ground truth of a run that has been scored."""

    @model_validator(mode="after")
    def _one_source(self) -> EvaluationSection:
        given = (self.ground_truth is not None) + (self.ground_truth_file is not None)
        if self.grader == "place" and given:
            raise ValueError("with `grader: place` the ground truth is not in this file; leave it out")
        if self.grader != "place" and given != 1:
            raise ValueError("give exactly one of ground_truth and ground_truth_file")
        return self


class ExperimentFile(_Section):
    """The file as written."""

    experiment_name: Annotated[str, Field(pattern=r"^[\w.-]+$", max_length=80)]
    description: str = ""
    model: ModelSection
    techniques: Annotated[tuple[TechniqueName, ...], Field(default_factory=installed_techniques)]
    """All that are installed, unless the file lists some."""
    task: Annotated[str, Field(min_length=1)]
    access: Access = Access.BASE
    agent: AgentSection = AgentSection()
    evaluation: EvaluationSection | None = None
    prompt_path: TextFile | None = None
    """The agent's instructions, in place of AGENT.md; what is public about the run follows them in either case."""
    tips_path: TextFile | None = None
    runs: PositiveInt = 1
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0


class PublicConfig(_Section):
    """What anybody may see, the agent included."""

    experiment_name: str
    description: str
    task: str
    techniques: tuple[str, ...]
    access: Access
    execution_mode: str
    gpu_type: str | None
    agent: AgentSection
    prompt: str | None = None
    """Stands in place of AGENT.md."""
    tips: str | None
    runs: int
    seed: int


@dataclass(frozen=True, repr=False)
class SealedConfig:
    """Identity, prompt and ground truth. Only the organism's host and the scorer are given it; it prints as nothing."""

    model: ModelSection
    hidden_system_prompt: str | None
    evaluation: EvaluationSection | None
    folder: Path
    """Where relative paths start."""
    reference_prompt: str | None = None
    """The hidden prompt of ``model.reference``."""

    def __repr__(self) -> str:
        return "SealedConfig(…)"


@dataclass(frozen=True)
class Experiment:
    public: PublicConfig
    sealed: SealedConfig
    path: Path

    @property
    def folder(self) -> Path:
        """Where its relative paths start."""
        return self.path.parent

    @property
    def can_be_scored(self) -> bool:
        return self.sealed.evaluation is not None

    @property
    def replaced_weights(self) -> str:
        """What to know of weights that were replaced under one name; empty where none are known to have been.

        For the owner's terminal: it tells of the model.
        """
        model = self.sealed.model
        if len(model.uploads) < 2:
            return ""
        loaded = (
            "this config pins one of them" if model.revision else "without model.revision, what is there now is loaded"
        )
        return f"its repository's weights were uploaded in {', '.join(model.uploads)}: {loaded}"

    def with_public(self, public: PublicConfig) -> Experiment:
        """The same organism under another public half."""
        return replace(self, public=public)


def load_config(path: Path) -> Experiment:
    """Read, check and split ``path``. Raises ConfigError."""
    folder = path.resolve().parent
    file = yaml_source.load(path, ExperimentFile, context={"folder": folder})
    reference = file.model.reference
    prompt, reference_prompt = file.model.prompt(folder), reference.prompt(folder) if reference else None
    if "" in (each.strip() for each in (prompt, reference_prompt) if each is not None):
        raise ConfigError(f"{path}: the hidden system prompt is empty; write one, or drop the key")
    public = PublicConfig(
        experiment_name=file.experiment_name,
        description=file.description,
        task=file.task.strip(),
        techniques=_offered(path, file),
        access=file.access,
        execution_mode=file.model.execution_mode,
        gpu_type=file.model.gpu_type if file.model.execution_mode == "modal" else None,
        agent=file.agent,
        prompt=_told(path, folder, file, file.prompt_path),
        tips=_told(path, folder, file, file.tips_path),
        runs=file.runs,
        seed=file.seed,
    )
    sealed = SealedConfig(
        model=file.model,
        hidden_system_prompt=prompt.strip() if prompt else None,
        reference_prompt=reference_prompt.strip() if reference_prompt else None,
        evaluation=file.evaluation,
        folder=folder,
    )
    return Experiment(public=public, sealed=sealed, path=path.resolve())


def _offered(path: Path, file: ExperimentFile) -> tuple[str, ...]:
    """The techniques; the one that asks an oracle only where there is one. Raises ConfigError where it is listed."""
    if file.model.oracle is None and _OF_AN_ORACLE in file.techniques and "techniques" in file.model_fields_set:
        raise ConfigError(f"{path}: the technique {_OF_AN_ORACLE} needs model.oracle; name an oracle, or drop it")
    return tuple(name for name in file.techniques if file.model.oracle or name != _OF_AN_ORACLE)


def _told(path: Path, folder: Path, file: ExperimentFile, name: str | None) -> str | None:
    """A text for the agent. Raises ConfigError where it is a file that the agent must not see."""
    if name is None:
        return None
    evaluation = file.evaluation.ground_truth_file if file.evaluation else None
    reference = file.model.reference.hidden_system_prompt_file if file.model.reference else None
    for sealed in (file.model.hidden_system_prompt_file, reference, evaluation):
        if sealed and (folder / Path(sealed).expanduser()).resolve() == (folder / Path(name).expanduser()).resolve():
            raise ConfigError(f"{path}: {name} is sealed and cannot be told to the agent; give another file")
    return _text(folder, name) or None


def _text(folder: Path, name: str) -> str:
    return (folder / Path(name).expanduser()).read_text(encoding="utf-8").strip()

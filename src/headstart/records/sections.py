"""The sections of record.json as types; records/record.py puts them together."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{16,64}$")]
Count = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0)]
Name = Annotated[str, Field(min_length=1)]
Names = Annotated[tuple[str, ...], Field(strict=False)]  # JSON has lists only
Digests = dict[str, Digest]  # by the name of a tensor or a file
Scores = dict[str, float]  # by metric


class Section(BaseModel):
    """A mapping of the record: unknown keys are refused, types are not converted, nothing is changed."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, protected_namespaces=()
    )


class AllScores(Section):
    validation: Scores | None
    test: Scores | None
    reason: str | None = Field(description="why there is no score")
    predictions: str | None = Field(
        pattern="^[0-9a-f]{16}$", description="digest of predictions.parquet as the run left it"
    )


class Flops(Section):
    train: Count
    eval: Count
    test: Count
    total: Count
    lower_bound: Names = Field(description="operations without a formula")


class Padding(Section):
    real: Count
    padded: Count


class Tokens(Section):
    train: Padding
    eval: Padding
    test: Padding


class Samples(Section):
    train: Count
    eval: Count
    test: Count


class Seconds(Section):
    prepare: Amount
    count: Amount
    train: Amount
    eval: Amount
    test: Amount
    other: Amount
    total: Amount


class Parameters(Section):
    all: Count
    trainable: Count


class PeakMemory(Section):
    host: Count | None
    device: Count | None
    by_phase: dict[str, Any] = {}


class Energy(Section):
    method: Literal["estimated", "measured", "sampled", "none"]
    backend: str | None
    boundary: str | None
    exclusive: bool | None
    joules: dict[str, Amount] | None = Field(description="per phase, and total")
    devices: dict[str, Amount] | None
    reason: str | None = Field(description="why joules is null")
    idle_watts: dict[str, float] | None = None
    dynamic_joules: float | None = Field(default=None, description="total minus idle watts times seconds")
    doubts: Names = ()
    unavailable: dict[str, str] = Field(default={}, description="what could not be read, and why")
    lost_segments: Count = 0
    evidence: dict[str, Any] | None = Field(
        default=None, description="device lock, use by other processes, start and end of each phase"
    )


class Readings(Section):
    seconds: Seconds
    peak_memory_bytes: PeakMemory
    energy: Energy
    carbon: dict[str, Any] | None = None
    money: dict[str, Any] | None = None


class Cost(Readings):
    flops: Flops
    tokens: Tokens
    samples: Samples
    steps: Count
    samples_per_second: Amount | None
    parameters: Parameters
    tokens_per_second: dict[str, Amount] | None = Field(
        default=None, description="of training: real, and padded"
    )
    data_wait_share: Amount | None = Field(
        default=None, description="share of training seconds without a batch to compute"
    )
    utilisation: dict[str, Any] | None = Field(
        default=None, description="share of the measured matmul peak, and that peak"
    )


class Streams(Section):
    weights: int
    order: int
    noise: int
    subset: int
    arm: int | None = None


class Checkpoint(Section):
    source: str
    sha256: Digest
    tensors: Digests = Field(description="digests as delivered by the checkpoint, or as derived from it")
    dtypes: dict[str, Count] = Field(
        description="stored tensors of each dtype in the checkpoint's files; they are cast to float32"
    )
    derived: str | None = Field(
        default=None,
        description="how the numbers were made from the checkpoint's (shuffled, mean_var); null: as they are",
    )
    ledger: dict[str, Any] | None = Field(
        default=None, description="what training these weights cost, when headstart trained them"
    )
    contamination: dict[str, dict[str, Any]] | None = Field(
        default=None,
        description="evaluation rows that the pretraining text holds, by split; null: not known",
    )


class Tensors(Section):
    tensors: Count
    parameters: Count


class NamedTensors(Tensors):
    names: Names


class Init(Section):
    streams: Streams = Field(description="seed of each source of randomness")
    seeded: Digests = Field(
        description="digest of every tensor of the seeded model, before anything was loaded"
    )
    changed: Digests = Field(
        description="digest at step 0 of every tensor that is not as it was seeded, and of those that "
        "the arm added"
    )
    constant: Names = Field(
        description="tensors that prove nothing: all elements equal, or fixed by the architecture"
    )
    checkpoint: Checkpoint | None
    loaded: Tensors = Field(description="tensors that the checkpoint replaced")
    drawn_again: Digests = Field(
        default_factory=dict,
        description="digest of every tensor that the arm drew again from its own stream, as it was drawn",
    )
    newly_initialised: NamedTensors = Field(description="tensors that are as the seed gave them")
    added: Tensors = Field(description="what the arm put beside the architecture, such as LoRA matrices")
    head: Digest = Field(
        description="digest of the task's head; of nothing for a language model, whose head may be loaded"
    )
    architecture: Digest = Field(description="digest of the model's configuration")
    built_from: Digests = Field(
        description="digest of every file of settings that model and tokenizer are built from; part of "
        "pair_id"
    )
    dtypes: dict[str, Count] = Field(description="parameters of each dtype, right before step 0")
    not_float32: dict[str, str] = Field(description="dtype of every parameter that is not float32, by name")


class Splits(Section):
    train: str
    validation: str
    test: str


class Counts(Section):
    train: Count
    validation: Count
    test: Count


class RowCounts(Counts):
    available: Count = Field(description="training rows before a subset was chosen")


class Data(Section):
    source: str = Field(description="digest of the raw source")
    rows: Splits = Field(description="digest of the rows of each split")
    counts: RowCounts
    classes: Names
    tokenizer: str
    truncated: Counts
    special_tokens: Counts | None = Field(
        description="rows with special tokens written in a text, which are read as letters; null where no "
        "text is read"
    )
    max_length: Count
    order: str = Field(description="digest of all batches in order")
    notes: Names


class TrivialRule(Section):
    name: Name
    how: str = Field(description="how it answers, in words")
    scores: Scores
    standard_errors: Scores = Field(description="of the scores, over the test examples")
    train_rows: Count = Field(description="rows that it learnt from")
    bound: str | None = Field(description="what was left out to bound its cost")
    seconds: Amount = Field(description="that it took; part of no phase of the run")


class TrivialRules(Section):
    chance: Scores = Field(description="what guessing at random scores, where that can be said")
    rules: Annotated[tuple[TrivialRule, ...], Field(strict=False)]
    reason: str | None = Field(description="why there are none")


class Code(Section):
    version: str
    digest: Digest = Field(description="of the source files that train, as they were")
    commit: str | None
    dirty: bool | None


class Captured(Section):
    graphs: Count = Field(description="CUDA graphs, one for each shape of batch")
    steps: Count = Field(description="training steps that a graph made")
    seconds: Amount = Field(description="of capturing and checking, part of the train phase")
    reason: str | None = Field(description="why no more steps were captured; null: all that pay")


class Environment(Section):
    model_config = ConfigDict(extra="allow")

    python: str
    platform: str
    machine: str = Field(description="identifies the computer without naming it")
    cpu: str | None
    threads: Count | None
    device: str
    precision: str
    versions: dict[str, str]
    code: Code
    started: str
    finished: str
    devices: Count = Field(default=1, description="that trained the run together")
    gpu_driver: str | None = Field(default=None, description="version of NVIDIA's driver")
    state: dict[str, Any] | None = Field(default=None, description="temperatures and clocks before the run")
    capture: Captured | None = Field(default=None, description="captured training steps; null: none tried")
    order_index: int | None = Field(default=None, description="place among the runs of one command")


class Fingerprinted(Section):
    version: Literal[1, 2] = Field(description="of the fingerprint")
    defaults: dict[str, Any] = Field(
        description="by dotted path: settings that had their default value, which the ids leave out"
    )
    config: Digest = Field(description="digest of all settings that may change the answer, and of `defaults`")

"""How a cluster runs the pipeline's tasks: image, resources, retries, volumes. Fixed when the pipeline is compiled."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from kubernetes.utils import parse_quantity
from pydantic import AfterValidator, Field, PositiveInt, field_validator, model_validator

from components.image import IMAGE
from spectral_distill.core.errors import UserError
from spectral_distill.core.options import Options, suggest

STEPS = (
    "resolve-data", "prepare-data", "train-teacher", "profile-teacher", "capture-signals",
    "distill-student", "evaluate-students", "compare-students", "promote-student", "close-run",
)  # fmt: skip
"""Tasks of the graph, by the names that the KFP UI shows."""

_DAY_S = 24 * 60 * 60
_NAME = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"[A-Za-z0-9]+(?:[.-]+[A-Za-z0-9]+)*(?::[0-9]+)?"
_IMAGE = re.compile(
    rf"(?:{_HOST}/)?{_NAME}(?:/{_NAME})*(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}}))?(?P<digest>@sha256:[0-9a-f]{{64}})?"
)


def _pinned(image: str) -> str:
    found = _IMAGE.fullmatch(image)
    if found is None:
        raise ValueError(f"found {image!r}, expected registry/name:tag or registry/name@sha256:<64 hex digits>")
    if found["digest"] is None and found["tag"] in (None, "latest"):
        raise ValueError(f"found {image!r}, which names no fixed image; add a tag other than latest, or a digest")
    return image


def _text(pattern: str, expected: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if re.fullmatch(pattern, text) is None:
            raise ValueError(f"found {text!r}, expected {expected}")
        return text

    return check


# Stricter than Kubernetes, as KFP is. An empty amount leaves the choice to the cluster.
_CPU = _text(r"|[0-9]*\.?[0-9]+|[0-9]+m", "cores such as 2, 0.5 or 500m")
_BYTES = _text(r"|[0-9]+([KMGTPE]i?)?", "bytes such as 512Mi or 4Gi")
_OBJECT = _text(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", "the name of a Kubernetes object: a-z, 0-9, - and .")
_FOLDER = _text(r"(/[^/:]+)+", "a folder such as /data")
_VARIABLE = _text(r"[A-Za-z_][A-Za-z0-9_]*", "the name of an environment variable")

Image = Annotated[str, AfterValidator(_pinned)]
Cpu = Annotated[str, Field(coerce_numbers_to_str=True), AfterValidator(_CPU)]
Bytes = Annotated[str, Field(coerce_numbers_to_str=True), AfterValidator(_BYTES)]
ObjectName = Annotated[str, AfterValidator(_OBJECT)]
Variable = Annotated[str, AfterValidator(_VARIABLE)]
Folder = Annotated[str, AfterValidator(_FOLDER)]
Sources = dict[ObjectName, dict[str, Variable]]


class Toleration(Options):
    """A taint that a task's pod tolerates, with the fields of Kubernetes.

    Attributes:
        key: Key of the taint; empty for all keys (`Exists` only).
        operator: Whether the value has to match.
        value: Value of the taint.
        effect: Effect of the taint; empty for all effects.

    Raises:
        UserError: Key, operator and value contradict each other.
    """

    key: str = ""
    operator: Literal["Equal", "Exists"] = "Equal"
    value: str = ""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""

    @model_validator(mode="after")
    def _as_kubernetes_wants(self) -> "Toleration":
        if self.operator == "Exists" and self.value:
            raise ValueError(f"toleration of {self.key!r}: Exists takes no value; remove it or use Equal")
        if self.operator == "Equal" and not self.key:
            raise ValueError("toleration without a key: expected a key, or the operator Exists to tolerate every taint")
        return self


class TaskOptions(Options):
    """How one task runs. Empty texts and null leave the choice to the cluster; each field has a description.

    Raises:
        UserError: A value is invalid, or values contradict each other.
    """

    cpu_request: Cpu = Field("1", description="Cores that the task's node must have free.")
    cpu_limit: Cpu = Field("", description="Cores that the task may use.")
    memory_request: Bytes = Field("4Gi", description="Memory that the task's node must have free.")
    memory_limit: Bytes = Field("", description="Memory above which the task is killed.")
    accelerator_type: str = Field("", description="Resource name of the accelerator, such as nvidia.com/gpu.")
    accelerator_count: int = Field(0, ge=0, description="Accelerators of that type.")
    node_selector: dict[str, str] = Field({}, description="Labels that the task's node must have.")
    tolerations: list[Toleration] = Field(
        [], description="Taints that the task tolerates: key, operator, value, effect."
    )
    retries: int = Field(
        2,
        ge=0,
        le=10,
        description="Maximum number of retries of a task whose pod was lost. KFP's own installation never retries a "
        "container that failed.",
    )
    retry_wait_seconds: PositiveInt = Field(
        1, description="Wait before the first retry; a failed container also counts as failed only after it."
    )
    retry_factor: int = Field(2, ge=1, le=10, description="Factor by which the wait grows.")
    timeout_seconds: PositiveInt = Field(_DAY_S, description="Maximum run time of each pod of the task.")
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = Field(
        "IfNotPresent", description="When the node pulls the image."
    )
    image_pull_secrets: list[ObjectName] = Field([], description="Secrets with the registry's credentials.")
    run_as_user: PositiveInt | None = Field(65532, description="Numeric user id, not root.")
    run_as_group: PositiveInt | None = Field(65532, description="Numeric group id, not root.")
    scratch_limit: Bytes = Field("", description="Maximum size of /tmp; a task that writes more is evicted.")
    shared_memory: Bytes = Field("", description="Size of /dev/shm; it counts as the task's memory.")
    volumes: dict[ObjectName, Folder] = Field(
        {}, description="PersistentVolumeClaims and the folders where they are mounted."
    )
    trainings_folder: Folder | None = Field(
        None, description="Folder of a volume for checkpoints, from which a retried task resumes."
    )
    environment_secret: ObjectName = Field(
        "spectral-distill", description="Secret whose keys become environment variables; optional."
    )
    environment_config_map: ObjectName = Field(
        "spectral-distill-config", description="ConfigMap whose keys become environment variables; optional."
    )
    secrets: Sources = Field(
        {}, description="Further variables from Secrets, with names of their own: secret, key, variable."
    )
    config_maps: Sources = Field(
        {}, description="Further variables from ConfigMaps, with names of their own: ConfigMap, key, variable."
    )

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> "TaskOptions":
        if bool(self.accelerator_type) != bool(self.accelerator_count):
            raise ValueError("accelerator_type and accelerator_count: found one of them; give both or neither")
        for request, limit in (("cpu_request", "cpu_limit"), ("memory_request", "memory_limit")):
            minimum, maximum = getattr(self, request), getattr(self, limit)
            if minimum and maximum and parse_quantity(minimum) > parse_quantity(maximum):
                raise ValueError(f"{request}: found {minimum!r}, expected at most the {limit}, {maximum!r}")
        return self

    @model_validator(mode="after")
    def _keeps_trainings_on_a_volume(self) -> "TaskOptions":
        folder, volumes = self.trainings_folder, [f"{mounted}/" for mounted in self.volumes.values()]
        if folder is not None and not any(f"{folder}/".startswith(mounted) for mounted in volumes):
            raise ValueError(f"trainings_folder: found {folder!r}, expected a folder of one of the volumes")
        return self

    @model_validator(mode="after")
    def _mounts_two_objects(self) -> "TaskOptions":
        if self.environment_secret == self.environment_config_map:
            raise ValueError(
                f"environment_secret and environment_config_map: found {self.environment_secret!r} for both; KFP names "
                "their volumes alike, so use two names"
            )
        return self

    @model_validator(mode="after")
    def _names_each_variable_once(self) -> "TaskOptions":
        sources: dict[str, str] = {}
        for source, variables in [*self.secrets.items(), *self.config_maps.items()]:
            for variable in variables.values():
                if variable in sources:
                    raise ValueError(f"{variable}: found in {sources[variable]} and in {source}; keep one of them")
                sources[variable] = source
        return self


class Deployment(Options):
    """The image, the number of parallel candidates, and the task options of all steps and of single ones.

    Raises:
        UserError: A value is invalid, or a step is unknown.
    """

    image: Image = Field(IMAGE, description="Image of every task, pinned by tag or digest.")
    candidates_at_once: PositiveInt = Field(4, description="Maximum number of candidates distilled in parallel.")
    ui: str = Field("", pattern=r"^(https?://\S+)?$", description="URL of the KFP UI, for links in MLflow.")
    tasks: dict[str, Any] = Field({}, description="Task options of every step.")
    steps: dict[str, dict[str, Any]] = Field({}, description="Task options of single steps, over those of `tasks`.")

    @field_validator("steps")
    @classmethod
    def _are_known(cls, steps: dict[str, Any]) -> dict[str, Any]:
        for name in steps:
            if name not in STEPS:
                raise ValueError(f"unknown step {name!r}; {suggest(name, STEPS)}")
        return steps

    @model_validator(mode="after")
    def _every_task_is_valid(self) -> "Deployment":
        _task_options("tasks", self.tasks)
        for step in self.steps:
            self.task(step)
        return self

    def task(self, step: str) -> TaskOptions:
        """Merge the options of one step.

        Args:
            step: Name of the step, such as `train-teacher`.

        Returns:
            The options of all steps, overridden by those of this step.

        Raises:
            UserError: The merged options contradict each other.
        """
        return _task_options(f"steps.{step}", {**self.tasks, **self.steps.get(step, {})})


def _task_options(where: str, values: dict[str, Any]) -> TaskOptions:
    try:
        return TaskOptions(**values)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None

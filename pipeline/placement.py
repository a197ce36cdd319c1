"""Apply a deployment's options to the tasks of the graph, with kfp and kfp-kubernetes."""

from kfp import dsl, kubernetes

from components import image, kfp_page, mounted_environment
from pipeline.deployment import Deployment, TaskOptions
from spectral_distill.training import cache_folder as trainings_folder

_SCRATCH, _SHARED_MEMORY = "/tmp", "/dev/shm"


def place(deployment: Deployment, task: dsl.PipelineTask, *, cached: bool) -> dsl.PipelineTask:
    """Set a task's image, resources, node, retries, volumes and environment. kfp.local ignores most of them.

    Args:
        deployment: The options of all steps.
        task: The task, which is changed in place.
        cached: Whether KFP may answer it from its cache.

    Returns:
        The same task.
    """
    options = deployment.task(task.name)
    task.set_container_image(deployment.image)
    for apply in (_resources, _node, _retries, _identity, _volumes, _environment):
        apply(task, options)
    if task.name == "resolve-data":  # it logs them to MLflow; no other step uses them
        task.set_env_variable(image.VARIABLE, deployment.image)
        if deployment.ui:
            task.set_env_variable(kfp_page.VARIABLE, deployment.ui)
    return task.set_caching_options(enable_caching=cached)


def _resources(task: dsl.PipelineTask, options: TaskOptions) -> None:
    for amount, set_amount in (
        (options.cpu_request, task.set_cpu_request),
        (options.cpu_limit, task.set_cpu_limit),
        (options.memory_request, task.set_memory_request),
        (options.memory_limit, task.set_memory_limit),
    ):
        if amount:
            set_amount(amount)
    if options.accelerator_type:
        task.set_accelerator_type(options.accelerator_type)
        task.set_accelerator_limit(options.accelerator_count)


def _node(task: dsl.PipelineTask, options: TaskOptions) -> None:
    for label, value in options.node_selector.items():
        kubernetes.add_node_selector(task, label, value)
    for toleration in options.tolerations:
        kubernetes.add_toleration(task, **toleration.model_dump())


def _retries(task: dsl.PipelineTask, options: TaskOptions) -> None:
    kubernetes.set_timeout(task, options.timeout_seconds)  # of each pod
    if options.retries:
        # Argo counts the maximum duration from the start of the first attempt: with KFP's default of an hour, a
        # training whose pod is lost after two hours would get no retry.
        task.set_retry(
            options.retries,
            backoff_duration=f"{options.retry_wait_seconds}s",
            backoff_factor=options.retry_factor,
            backoff_max_duration=f"{options.timeout_seconds * (options.retries + 1)}s",
        )


def _identity(task: dsl.PipelineTask, options: TaskOptions) -> None:
    kubernetes.set_security_context(task, options.run_as_user, options.run_as_group, run_as_non_root=True)
    kubernetes.set_image_pull_policy(task, options.image_pull_policy)
    if options.image_pull_secrets:
        kubernetes.set_image_pull_secrets(task, options.image_pull_secrets)


def _volumes(task: dsl.PipelineTask, options: TaskOptions) -> None:
    kubernetes.empty_dir_mount(task, "scratch", _SCRATCH, size_limit=options.scratch_limit or None)
    if options.shared_memory:
        kubernetes.empty_dir_mount(task, "shared-memory", _SHARED_MEMORY, "Memory", options.shared_memory)
    for claim, folder in options.volumes.items():
        kubernetes.mount_pvc(task, claim, folder)
    if options.trainings_folder:
        task.set_env_variable(trainings_folder.VARIABLE, options.trainings_folder)


def _environment(task: dsl.PipelineTask, options: TaskOptions) -> None:
    """Set the environment. None of it is part of the cache key: neither the run's id nor Secrets and ConfigMaps."""
    kubernetes.use_field_path_as_env(task, "KFP_RUN_ID", "metadata.labels['pipeline/runid']")
    folder = mounted_environment.FOLDER
    kubernetes.use_secret_as_volume(task, options.environment_secret, f"{folder}/secret", optional=True)
    kubernetes.use_config_map_as_volume(task, options.environment_config_map, f"{folder}/config", optional=True)
    for name, variables in options.secrets.items():
        kubernetes.use_secret_as_env(task, name, variables, optional=True)
    for name, variables in options.config_maps.items():
        kubernetes.use_config_map_as_env(task, name, variables, optional=True)

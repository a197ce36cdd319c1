"""The KFP face of the exit handler, `close_run`."""

from kfp import dsl

from components.foundation.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def close_run(status: dsl.PipelineTaskFinalStatus):
    """End the pipeline run in MLflow as finished or failed. Runs whatever happened before."""
    from components.foundation.step import step
    from components.foundation.tracking import close_parent

    with step("close_run"):
        close_parent("FINISHED" if status.state in ("SUCCEEDED", "COMPLETE") else "FAILED")

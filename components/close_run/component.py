"""The KFP face of the exit handler, `close_run`."""

from kfp import dsl

from components.foundation.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def close_run(status: dsl.PipelineTaskFinalStatus):
    """End the pipeline run in MLflow with the status that its tasks show. Runs whatever happened before."""
    from components.close_run.step import close

    close(status.state, status.error_message or "")

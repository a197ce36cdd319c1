"""The KFP face of `resolve_data`."""

from typing import NamedTuple

from kfp import dsl

from components.foundation.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def resolve_data(
    data: str, out_of_scope_data: str, unlabelled_data: str, teacher: str, candidates: list, publish_to: str
) -> NamedTuple(
    "Versions",
    data_version=str,
    out_of_scope_version=str,
    unlabelled_version=str,
    teacher_version=str,
    student_versions=dict,
):
    """Find what the data source and the teacher hold now, and refuse a request that cannot work. Never cached."""
    from collections import namedtuple

    from components.foundation import checkpoints, storage, tracking
    from components.foundation.step import step
    from components.resolve_data.options import SourceOptions
    from components.resolve_data.resolving import check_candidates, data_version, student_checkpoints

    with step("resolve_data"):
        tables = {"data": data, "out_of_scope_data": out_of_scope_data, "unlabelled_data": unlabelled_data}
        SourceOptions(**tables, teacher=teacher, candidates=candidates)
        check_candidates(candidates, teacher)
        if publish_to:
            storage.check_writable(publish_to)
        versions = {name: data_version(uri) for name, uri in tables.items()} | {"teacher": checkpoints.version(teacher)}
        students = {uri: checkpoints.version(uri) for uri in student_checkpoints(candidates)}
        tracking.log_origin(tables | {"teacher": teacher}, versions)
    return namedtuple(
        "Versions", "data_version out_of_scope_version unlabelled_version teacher_version student_versions"
    )(
        data_version=versions["data"],
        out_of_scope_version=versions["out_of_scope_data"],
        unlabelled_version=versions["unlabelled_data"],
        teacher_version=versions["teacher"],
        student_versions=students,
    )

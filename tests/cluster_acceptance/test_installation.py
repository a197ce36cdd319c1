"""What can be seen before the first run."""

from tests.cluster_acceptance.cluster_session import Cluster


def test_the_doctor_finds_nothing_that_would_break_a_run(cluster: Cluster):
    answer = cluster.command("doctor", "--pipeline", str(cluster.package.path))
    assert answer.code == 0
    assert "ok    API: " in answer.out


def test_a_setting_out_of_range_is_refused_in_one_line_before_anything_is_sent(cluster: Cluster):
    before = len(cluster.runs)
    answer = cluster.command("submit", "--pipeline", str(cluster.package.path), "--teacher-epochs", "0")
    assert answer.code == 2
    assert answer.err.startswith("error: teacher_epochs: found ")
    assert answer.err.count("\n") == 1
    assert len(cluster.runs) == before

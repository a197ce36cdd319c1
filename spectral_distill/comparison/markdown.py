"""The leaderboard as Markdown, as the KFP UI shows it."""

from spectral_distill.comparison.artifact import Comparison, Row


def leaderboard_in_markdown(board: Comparison) -> str:
    """Write the verdict, the promotion decision, and one row for each configuration, best first.

    Args:
        board: The comparison.

    Returns:
        A paragraph and a table, in Markdown.
    """
    accuracy, size = board.teacher.scores.accuracy, board.rows[0].evaluation.size
    lines = [
        f"**{board.verdict.reason}** As {board.promotion.alias}: {board.promotion.reason}.",
        "",
        "| # | student | accuracy | vs teacher (points) | kept | agrees | speedup | MB |",
        "|--:|---|--:|--:|--:|--:|--:|--:|",
        *(_row(row, board.verdict.ship) for row in board.rows),
        f"| | teacher | {accuracy:.2%} | | | | 1.00x | {size.teacher_bytes / 1e6:.1f} |",
        "",
    ]
    return "\n".join(lines)


def _row(row: Row, shipped: str) -> str:
    found, gap = row.evaluation, row.versus_teacher
    name = f"**{row.configuration}** (to ship)" if row.student == shipped else row.configuration
    return (
        f"| {row.rank} | {name} | {row.accuracy:.2%} "
        f"| {100 * gap.difference:+.1f} [{100 * gap.low:+.1f}, {100 * gap.high:+.1f}] "
        f"| {found.scores.retention:.1%} | {found.scores.agreement:.1%} "
        f"| {found.speed.batch_32.speedup:.2f}x | {found.size.bytes / 1e6:.1f} |"
    )

"""Where the shipped student goes besides the registry."""

from pydantic import Field

from components.foundation.options import Options


class PublishingOptions(Options):
    """A place of the user's own."""

    publish_to: str = Field(
        "",
        description="Where the shipped student, the report and the leaderboard go besides MLflow, in a new folder: a "
        "folder (on a cluster: of a mounted volume) or s3://bucket/prefix; empty publishes nowhere.",
    )

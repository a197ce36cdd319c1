"""MLflow's database tables, mapped at import. A process that is forked afterwards opens a database at once."""

import mlflow.store.model_registry.sqlalchemy_store  # noqa: F401
import mlflow.store.tracking.sqlalchemy_store  # noqa: F401
from sqlalchemy.orm import configure_mappers

configure_mappers()

"""The pages of things: models, versions, data sets, runs, environments, deployments, incidents, and how they hang together."""

from __future__ import annotations

from muniment.server.explorer import comparison, datasets, deployments, environments, incidents, lineage, model_paths, models, runs

ROUTES = (
    *comparison.ROUTES,
    *datasets.ROUTES,
    *deployments.ROUTES,
    *environments.ROUTES,
    *incidents.ROUTES,
    *lineage.ROUTES,
    *model_paths.ROUTES,
    *models.ROUTES,
    *runs.ROUTES,
)

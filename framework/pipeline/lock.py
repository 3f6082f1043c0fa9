"""Which distributions may bring components: the lock list of run.yaml."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from framework.config import RunConfig
from framework.errors import ConfigError
from framework.registry import Registry


def locked_registry(config: RunConfig) -> Registry:
    """The installed components, limited to ``config.plugins`` if it is given.

    Raises:
        ConfigError: a listed distribution is missing or has another version.
    """
    if config.plugins is None:
        return Registry.load()
    for name, wanted in config.plugins.items():
        try:
            installed = version(name)
        except PackageNotFoundError:
            raise ConfigError(
                f"plugins: {name} {wanted} is not installed; run: pip install {name}=={wanted}"
            ) from None
        if installed != wanted:
            raise ConfigError(
                f"plugins: expected {name} {wanted}, installed is {installed}; run: "
                f"pip install {name}=={wanted}, or change the list"
            )
    return Registry.load(only=config.plugins, entry_names=False)

"""Writes new plugin packages: ``framework plugin new``."""

from framework.scaffold.generate import Plan, new_plugin, plan_plugin

__all__ = ["Plan", "new_plugin", "plan_plugin"]
